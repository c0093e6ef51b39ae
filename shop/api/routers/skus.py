"""SKUs, their stock and their prices, for staff."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypedDict

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from shop.api.filters import query_of
from shop.api.operations import get_or_404, with_types
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.skus import PricesIn, SkuFilter, SkuIn, StockIn
from shop.api.selectors import all_skus, find_skus
from shop.api.services.write import change_prices, change_stock, save_clean
from shop.goods.models import Sku
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import Ordering
from tenants.contrib.api.etags import IfMatch, check_if_match, with_etag
from tenants.contrib.api.pagination import Pagination

_BY_ID = Ordering("id", "id", False, int)


def make_router(schemas: VersionSchemas, pagination: Pagination) -> Router:
    router = Router(tags=["stock and prices"])
    _add_reading(router, schemas, pagination)
    _add_writing(router, schemas)
    return router


def _add_reading(router: Router, schemas: VersionSchemas, pagination: Pagination) -> None:
    @router.get("", response=pagination.schema_of(schemas.sku), auth=HasPermissions("goods.view_sku"))
    @with_types(filters=query_of(pagination, SkuFilter))
    def list_skus(request: HttpRequest, response: HttpResponse, filters: SkuFilter) -> Any:
        """List SKUs, the oldest first."""
        return pagination.paginate(find_skus(filters), _BY_ID, filters, request, response)

    @router.get("/{sku_id}", response=schemas.sku, auth=HasPermissions("goods.view_sku"))
    def get_sku(request: HttpRequest, response: HttpResponse, sku_id: int) -> Any:
        """Get a SKU."""
        return with_etag(request, response, schemas.sku.from_orm(_sku(sku_id)))


def _add_writing(router: Router, schemas: VersionSchemas) -> None:
    def locked(sku_id: int, if_match: str | None) -> Sku:
        """Return the locked SKU, if it still has the ETag of `if_match`."""
        sku = _sku(sku_id, lock=True)
        check_if_match(if_match, schemas.sku.from_orm(sku))
        return sku

    def change(
        request: HttpRequest, response: HttpResponse, sku_id: int, if_match: str | None, apply: Callable[[Sku], None]
    ) -> Any:
        with transaction.atomic():
            sku = locked(sku_id, if_match)
            apply(sku)
        return with_etag(request, response, schemas.sku.from_orm(sku))

    @router.patch("/{sku_id}", response=schemas.sku, auth=HasPermissions("goods.change_goods", "goods.change_sku"))
    @with_types(data=schemas.sku_patch)
    def change_sku(
        request: HttpRequest, response: HttpResponse, sku_id: int, data: SkuIn, if_match: IfMatch = None
    ) -> Any:
        """Update a SKU, except its stock and prices."""
        fields = data.model_dump(exclude_unset=True)
        return change(request, response, sku_id, if_match, lambda sku: save_clean(sku, fields))

    @router.put("/{sku_id}/stock", response=schemas.sku, auth=HasPermissions("goods.change_sku"))
    def set_stock(
        request: HttpRequest, response: HttpResponse, sku_id: int, data: StockIn, if_match: IfMatch = None
    ) -> Any:
        """Set the stock, or add to it."""
        return change(request, response, sku_id, if_match, lambda sku: change_stock(sku, data.stock, data.change))

    @router.put("/{sku_id}/prices", response=schemas.sku, auth=HasPermissions("goods.change_goods", "goods.change_sku"))
    @with_types(data=schemas.prices_in)
    def set_prices(
        request: HttpRequest, response: HttpResponse, sku_id: int, data: PricesIn, if_match: IfMatch = None
    ) -> Any:
        """Set the prices. A compare-at price that is left out is removed."""
        prices = _prices(schemas, data)
        return change(request, response, sku_id, if_match, lambda sku: change_prices(sku, **prices))

    @router.delete("/{sku_id}", response={204: None}, auth=HasPermissions("goods.change_goods", "goods.delete_sku"))
    def delete_sku(request: HttpRequest, sku_id: int, if_match: IfMatch = None) -> Any:
        """Delete a SKU. One that was ordered cannot be deleted (409)."""
        with transaction.atomic():
            locked(sku_id, if_match).delete()
        return Status(204, None)


class _Prices(TypedDict):
    price: Decimal
    compare_at_price: Decimal | None


def sku_fields(schemas: VersionSchemas, data: SkuIn) -> dict[str, Any]:
    """Return the model fields of a SKU in a request."""
    return {**data.model_dump(exclude={"price", "compare_at_price"}, exclude_unset=True), **_prices(schemas, data)}


def _prices(schemas: VersionSchemas, data: PricesIn) -> _Prices:
    before = data.compare_at_price
    return {
        "price": schemas.money.read(data.price, "price"),
        "compare_at_price": None if before is None else schemas.money.read(before, "compare_at_price"),
    }


def _sku(sku_id: int, *, lock: bool = False) -> Sku:
    return get_or_404(all_skus(), "SKU", sku_id, lock=lock, pk=sku_id)
