"""Version 1 of the shop's API."""

from __future__ import annotations

from shop.api.v1.goods import router
from tenants.api.base import make_api

api = make_api("v1", title="Shop API", description="What the shop sells. Prices are decimals in strings.")
api.add_router("/goods", router)
