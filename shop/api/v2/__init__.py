"""Version 2: amounts with their currency, lists by cursor, errors as problem details (RFC 9457)."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.openapi import refine
from shop.api.routers import add_routers
from shop.api.schemas.money import AMOUNT_OBJECTS
from tenants.contrib.api.base import make_api
from tenants.contrib.api.errors import ProblemDetails
from tenants.contrib.api.pagination import CursorPagination

_DESCRIPTION = "Amounts of money name their currency. Lists use cursors. Errors are problem details (RFC 9457)."


def make(variant: str) -> NinjaAPI:
    api = make_api("v2", errors=ProblemDetails(), refine=refine, title="Shop API", description=_DESCRIPTION)
    add_routers(api, AMOUNT_OBJECTS, CursorPagination(), variant)
    return api
