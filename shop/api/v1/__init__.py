"""Version 1 of the shop's API."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.v1.goods import make_router
from tenants.api.base import make_api


def make(variant: str) -> NinjaAPI:
    """Return the API as shops of `variant` have it."""
    api = make_api("v1", title="Shop API", description="What the shop sells. Prices are decimals in strings.")
    api.add_router("/goods", make_router(variant))
    return api
