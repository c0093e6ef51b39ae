"""Goods: published ones are public; staff creates and changes them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status

from shop.api.filters import query_of
from shop.api.operations import access_of, get_or_404, with_types
from shop.api.routers.bulk import add_bulk
from shop.api.routers.skus import sku_fields
from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.goods import GoodsFilter, GoodsIn
from shop.api.schemas.skus import SkuIn
from shop.api.selectors import find_goods, visible_goods
from shop.api.services.write import add_sku, change_goods, create_goods
from shop.goods.models import Goods
from tenants.contrib.api.auth import AllowAny, HasPermissions
from tenants.contrib.api.etags import IfMatch, check_if_match, with_etag
from tenants.contrib.api.pagination import Pagination


def make_router(schemas: VersionSchemas, pagination: Pagination) -> Router:
    router = Router(tags=["goods"])
    add_bulk(router, schemas)  # before `/{goods_id}`, which would take its path for an id
    _add_reading(router, schemas, pagination)
    _add_writing(router, schemas)
    return router


def _add_reading(router: Router, schemas: VersionSchemas, pagination: Pagination) -> None:
    @router.get("", response=pagination.schema_of(schemas.goods), auth=AllowAny(), url_name="goods_list")
    @with_types(filters=query_of(pagination, schemas.goods_filter))
    def list_goods(request: HttpRequest, response: HttpResponse, filters: GoodsFilter) -> Any:
        """List goods, by default the newest first."""
        goods, ordering = find_goods(access_of(request), filters)
        return pagination.paginate(goods, ordering, filters, request, response)

    @router.get("/{goods_id}", response=schemas.goods, auth=AllowAny(), url_name="goods_detail")
    def get_goods(request: HttpRequest, response: HttpResponse, goods_id: int) -> Any:
        """Get a product."""
        return with_etag(request, response, _shown(request, schemas, goods_id))


def _add_writing(router: Router, schemas: VersionSchemas) -> None:
    @router.post("", response={201: schemas.goods}, auth=HasPermissions("goods.add_goods"))
    @with_types(data=schemas.goods_in)
    def create_one(request: HttpRequest, response: HttpResponse, data: GoodsIn) -> Any:
        """Create a product, with its SKUs and pictures."""
        fields = data.model_dump(exclude={"skus", "pictures"})
        skus = [sku_fields(schemas, sku) for sku in data.skus]
        goods = create_goods(fields, skus, data.pictures)
        return Status(201, with_etag(request, response, _shown(request, schemas, goods.pk)))

    @router.patch("/{goods_id}", response=schemas.goods, auth=HasPermissions("goods.change_goods"))
    @with_types(data=schemas.goods_patch)
    def change_one(
        request: HttpRequest, response: HttpResponse, goods_id: int, data: GoodsIn, if_match: IfMatch = None
    ) -> Any:
        """Update a product. Pictures that were uploaded stay."""
        with transaction.atomic():
            goods = _locked(request, schemas, goods_id, if_match)
            fields = data.model_dump(exclude_unset=True, exclude={"pictures"})
            change_goods(goods, fields, data.pictures if "pictures" in data.model_fields_set else None)
        return with_etag(request, response, _shown(request, schemas, goods_id))

    @router.delete("/{goods_id}", response={204: None}, auth=HasPermissions("goods.delete_goods"))
    def delete_goods(request: HttpRequest, goods_id: int, if_match: IfMatch = None) -> Any:
        """Delete a product. One that was ordered cannot be deleted (409); unpublish it instead."""
        with transaction.atomic():
            _locked(request, schemas, goods_id, if_match).delete()
        return Status(204, None)

    @router.post(
        "/{goods_id}/skus", response={201: schemas.sku}, auth=HasPermissions("goods.change_goods", "goods.add_sku")
    )
    @with_types(data=schemas.sku_in)
    def create_sku(request: HttpRequest, response: HttpResponse, goods_id: int, data: SkuIn) -> Any:
        """Add a SKU to a product."""
        goods = get_or_404(visible_goods(access_of(request)), "product", goods_id, pk=goods_id)
        sku = add_sku(goods, sku_fields(schemas, data))
        return Status(201, with_etag(request, response, schemas.sku.from_orm(sku)))


def _shown(request: HttpRequest, schemas: VersionSchemas, goods_id: int) -> Schema:
    goods = get_or_404(visible_goods(access_of(request)).with_lists(), "product", goods_id, pk=goods_id)
    return schemas.goods.model_validate(goods, context={"request": request})


def _locked(request: HttpRequest, schemas: VersionSchemas, goods_id: int, if_match: str | None) -> Goods:
    """Return the locked goods, if they still have the ETag of `if_match`."""
    goods = get_or_404(visible_goods(access_of(request)), "product", goods_id, lock=True, pk=goods_id)
    check_if_match(if_match, _shown(request, schemas, goods_id))
    return goods
