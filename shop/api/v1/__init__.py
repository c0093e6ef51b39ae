"""Version 1: amounts as strings, lists by offset with a total count, errors as plain objects."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.openapi import refine
from shop.api.routers import add_routers
from shop.api.schemas.money import AMOUNT_STRINGS
from tenants.contrib.api.base import make_api
from tenants.contrib.api.errors import PlainErrors
from tenants.contrib.api.pagination import OffsetPagination

_DESCRIPTION = "Amounts of money are decimal strings in the shop's currency, which `currency` names."


def make(variant: str) -> NinjaAPI:
    api = make_api("v1", errors=PlainErrors(), refine=refine, title="Shop API", description=_DESCRIPTION)
    add_routers(api, AMOUNT_STRINGS, OffsetPagination(), variant)
    return api
