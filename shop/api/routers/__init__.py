"""The operations of the API. A router in which no version differs is one; the others are made for a version."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.errors import tell_errors_of_the_shop
from shop.api.money import MoneyStyle
from shop.api.routers import bulk, cart, categories, customers, goods, orders, skus, users
from shop.api.schema_factory import make_shapes
from tenants.contrib.api.pagination import Pages


def add_routers(api: NinjaAPI, money: MoneyStyle, pages: Pages, variant: str) -> None:
    """Give an API its operations, for shops of `variant`."""
    shapes = make_shapes(money, variant)
    api.add_router("/goods", goods.make_router(shapes, pages))
    api.add_router("/categories", categories.router)
    api.add_router("/skus", skus.make_router(shapes, pages))
    api.add_router("/cart", cart.make_router(shapes))
    api.add_router("/orders", orders.make_router(api, shapes, pages))
    api.add_router("/imports", bulk.make_router(pages))
    api.add_router("/customers", customers.make_router(pages))
    api.add_router("", users.make_router(pages))
    tell_errors_of_the_shop(api)
