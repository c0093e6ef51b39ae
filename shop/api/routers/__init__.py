"""The operations of the API, a module for each resource."""

from __future__ import annotations

from ninja import NinjaAPI

from shop.api.errors import add_error_handlers
from shop.api.routers import bulk, cart, categories, customers, goods, orders, skus, users
from shop.api.schema_factory import make_version_schemas
from shop.api.schemas.money import MoneyFormat
from tenants.contrib.api.pagination import Pagination


def add_routers(api: NinjaAPI, money: MoneyFormat, pagination: Pagination, variant: str) -> None:
    """Add all operations of a version, for shops of `variant`."""
    schemas = make_version_schemas(money, variant)
    api.add_router("/goods", goods.make_router(schemas, pagination))
    api.add_router("/categories", categories.router)
    api.add_router("/skus", skus.make_router(schemas, pagination))
    api.add_router("/cart", cart.make_router(schemas))
    api.add_router("/orders", orders.make_router(api, schemas, pagination))
    api.add_router("/imports", bulk.make_router(pagination))
    api.add_router("/customers", customers.make_router(pagination))
    api.add_router("", users.make_router(pagination))
    add_error_handlers(api)
