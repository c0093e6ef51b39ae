"""Skus, their stock and their prices, for staff."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from shop.api.filters import filter_for
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.skus import SkuFilter, StockIn
from shop.api.selectors import all_skus, find_skus
from shop.api.services.write import change_prices, change_stock, get_or_404, save_clean
from shop.goods.models import Sku
from tenants.contrib.api.auth import HasPermissions
from tenants.contrib.api.cursor_pagination import Ordering
from tenants.contrib.api.etags import IfMatch, check_if_match, with_etag
from tenants.contrib.api.pagination import Pagination

_BY_ID = Ordering("id", "id", False, int)


def make_router(schemas: VersionSchemas, pagination: Pagination) -> Router:
    """Return the router of a version that has these schemas and cuts lists in this way."""
    router = Router(tags=["stock and prices"])
    _add_reading(router, schemas, pagination)
    _add_writing(router, schemas)
    return router


def _add_reading(router: Router, schemas: VersionSchemas, pagination: Pagination) -> None:
    Filter = filter_for(pagination, SkuFilter)  # noqa: N806  # a class

    @router.get("", response=pagination.schema_of(schemas.sku), auth=HasPermissions("goods.view_sku"))
    def list_skus(request: HttpRequest, response: HttpResponse, filters: Query[Filter]) -> Any:
        """List skus, those that were made first first."""
        return pagination.paginate(find_skus(filters), _BY_ID, filters, request, response)

    @router.get("/{sku_id}", response=schemas.sku, auth=HasPermissions("goods.view_sku"))
    def get_sku(request: HttpRequest, response: HttpResponse, sku_id: int) -> Any:
        """Get one sku."""
        return with_etag(request, response, schemas.sku.from_orm(_sku(sku_id)))


def _add_writing(router: Router, schemas: VersionSchemas) -> None:
    SkuPatch, PricesIn = schemas.sku_patch, schemas.prices_in  # noqa: N806  # classes

    def change(
        request: HttpRequest, response: HttpResponse, sku_id: int, if_match: Any, how: Callable[[Sku], Any]
    ) -> Any:
        """Do `how` to the locked sku, if the client has seen it as it is now, and show it."""
        with transaction.atomic():
            sku = _sku(sku_id, lock=True)
            check_if_match(if_match, schemas.sku.from_orm(sku))
            how(sku)
        return with_etag(request, response, schemas.sku.from_orm(sku))

    @router.patch("/{sku_id}", response=schemas.sku, auth=HasPermissions("goods.change_goods", "goods.change_sku"))
    def change_sku(
        request: HttpRequest, response: HttpResponse, sku_id: int, data: SkuPatch, if_match: IfMatch = None
    ) -> Any:
        """Change a sku, but for its stock and prices."""
        fields = data.model_dump(exclude_unset=True)
        return change(request, response, sku_id, if_match, lambda sku: save_clean(sku, fields))

    @router.put("/{sku_id}/stock", response=schemas.sku, auth=HasPermissions("goods.change_sku"))
    def set_stock(
        request: HttpRequest, response: HttpResponse, sku_id: int, data: StockIn, if_match: IfMatch = None
    ) -> Any:
        """Say how many pieces there are, or how many more or fewer."""
        return change(request, response, sku_id, if_match, lambda sku: change_stock(sku, data.stock, data.change))

    @router.put("/{sku_id}/prices", response=schemas.sku, auth=HasPermissions("goods.change_goods", "goods.change_sku"))
    def set_prices(
        request: HttpRequest, response: HttpResponse, sku_id: int, data: PricesIn, if_match: IfMatch = None
    ) -> Any:
        """Say what a sku costs; a price before that is left out is taken away."""
        prices = _prices(schemas, data)
        return change(request, response, sku_id, if_match, lambda sku: change_prices(sku, **prices))

    @router.delete("/{sku_id}", response={204: None}, auth=HasPermissions("goods.change_goods", "goods.delete_sku"))
    def delete_sku(request: HttpRequest, sku_id: int, if_match: IfMatch = None) -> Any:
        """Take a sku away for good. What was ordered once stays (409)."""
        with transaction.atomic():
            sku = _sku(sku_id, lock=True)
            check_if_match(if_match, schemas.sku.from_orm(sku))
            sku.delete()
        return Status(204, None)


def sku_fields(schemas: VersionSchemas, data: Any) -> dict[str, Any]:
    """Return the model's fields of a sku that was sent."""
    return {**data.model_dump(exclude={"price", "compare_at_price"}, exclude_unset=True), **_prices(schemas, data)}


def _prices(schemas: VersionSchemas, data: Any) -> dict[str, Any]:
    before = data.compare_at_price
    return {
        "price": schemas.money.read(data.price, "price"),
        "compare_at_price": None if before is None else schemas.money.read(before, "compare_at_price"),
    }


def _sku(sku_id: int, *, lock: bool = False) -> Sku:
    return get_or_404(all_skus(), "sku", sku_id, lock=lock, pk=sku_id)
