"""Version 2: amounts of money with their currency, lists by cursor, errors as problem details (RFC 9457)."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.money import AmountObjects, refine
from shop.api.routers import add_routers
from tenants.contrib.api.base import make_api
from tenants.contrib.api.errors import ProblemDetails
from tenants.contrib.api.pagination import CursorPagination

_DESCRIPTION = "Every amount of money has its currency. Lists go on at a cursor. Errors are problem details (RFC 9457)."


def make(variant: str) -> NinjaAPI:
    """Return the API as shops of `variant` have it."""
    api = make_api("v2", errors=ProblemDetails(), refine=refine, title="Shop API", description=_DESCRIPTION)
    add_routers(api, AmountObjects(), CursorPagination(), variant)
    return api
