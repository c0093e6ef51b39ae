"""Version 1: amounts of money in plain texts, lists by offset with a count of all, errors in plain objects."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.money import AmountStrings, refine
from shop.api.routers import add_routers
from tenants.contrib.api.base import make_api
from tenants.contrib.api.errors import PlainErrors
from tenants.contrib.api.pagination import OffsetPagination

_DESCRIPTION = "Amounts of money are decimals in texts, in the shop's currency, which stands beside them."


def make(variant: str) -> NinjaAPI:
    """Return the API as shops of `variant` have it."""
    api = make_api("v1", errors=PlainErrors(), refine=refine, title="Shop API", description=_DESCRIPTION)
    add_routers(api, AmountStrings(), OffsetPagination(), variant)
    return api
