"""Goods: everybody may read those that are published; staff makes and changes them."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status

from shop.api.filters import filter_for
from shop.api.routers.bulk import add_bulk
from shop.api.routers.skus import sku_fields
from shop.api.schema_factory import VersionSchemas
from shop.api.selectors import find_goods, visible_goods
from shop.api.services.write import add_sku, change_goods, create_goods
from shop.goods.models import Goods
from tenants.contrib.api.auth import Access, AllowAny, HasPermissions
from tenants.contrib.api.etags import IfMatch, check_if_match, with_etag
from tenants.contrib.api.pagination import Pagination
from tenants.variants import whole_row_of


def make_router(schemas: VersionSchemas, pagination: Pagination) -> Router:
    """Return the router of a version that has these schemas and cuts lists in this way."""
    router = Router(tags=["goods"])
    add_bulk(router, schemas)  # before `/{goods_id}`, which would take its path for an id
    _add_reading(router, schemas, pagination)
    _add_writing(router, schemas)
    return router


def _add_reading(router: Router, schemas: VersionSchemas, pagination: Pagination) -> None:
    Filter = filter_for(pagination, schemas.goods_filter)  # noqa: N806  # a class

    @router.get("", response=pagination.schema_of(schemas.goods), auth=AllowAny(), url_name="goods_list")
    def list_goods(request: HttpRequest, response: HttpResponse, filters: Query[Filter]) -> Any:
        """List goods, the newest first unless another order is asked for."""
        goods, ordering = find_goods(request.auth, filters)
        return pagination.paginate(goods, ordering, filters, request, response)

    @router.get("/{goods_id}", response=schemas.goods, auth=AllowAny(), url_name="goods_detail")
    def get_goods(request: HttpRequest, response: HttpResponse, goods_id: int) -> Any:
        """Get one of the goods."""
        return with_etag(request, response, _shown(request, schemas, goods_id))


def _add_writing(router: Router, schemas: VersionSchemas) -> None:
    GoodsIn, GoodsPatch, SkuIn = schemas.goods_in, schemas.goods_patch, schemas.sku_in  # noqa: N806  # classes

    @router.post("", response={201: schemas.goods}, auth=HasPermissions("goods.add_goods"))
    def create_one(request: HttpRequest, response: HttpResponse, data: GoodsIn) -> Any:
        """Make goods, with their skus and pictures."""
        fields = data.model_dump(exclude={"skus", "pictures"})
        skus = [sku_fields(schemas, sku) for sku in data.skus]
        goods = create_goods(fields, skus, data.pictures)
        return Status(201, with_etag(request, response, _shown(request, schemas, goods.pk)))

    @router.patch("/{goods_id}", response=schemas.goods, auth=HasPermissions("goods.change_goods"))
    def change_one(
        request: HttpRequest, response: HttpResponse, goods_id: int, data: GoodsPatch, if_match: IfMatch = None
    ) -> Any:
        """Change goods. Pictures that are files of the shop stay."""
        with transaction.atomic():
            goods = _locked(request, schemas, goods_id, if_match)
            fields = data.model_dump(exclude_unset=True, exclude={"pictures"})
            change_goods(goods, fields, data.pictures if "pictures" in data.model_fields_set else None)
        return with_etag(request, response, _shown(request, schemas, goods_id))

    @router.delete("/{goods_id}", response={204: None}, auth=HasPermissions("goods.delete_goods"))
    def delete_goods(request: HttpRequest, goods_id: int, if_match: IfMatch = None) -> Any:
        """Take goods away for good. What was ordered once stays (409): do not publish it any more instead."""
        with transaction.atomic():
            _locked(request, schemas, goods_id, if_match).delete()
        return Status(204, None)

    @router.post(
        "/{goods_id}/skus", response={201: schemas.sku}, auth=HasPermissions("goods.change_goods", "goods.add_sku")
    )
    def create_sku(request: HttpRequest, response: HttpResponse, goods_id: int, data: SkuIn) -> Any:
        """Make one more sku of goods."""
        sku = add_sku(_one(visible_goods(request.auth), goods_id), sku_fields(schemas, data))
        return Status(201, with_etag(request, response, schemas.sku.from_orm(sku)))


def _one(goods: Any, goods_id: int) -> Goods:
    found = goods.filter(pk=goods_id).first()
    if found is None:
        raise Http404(f"There are no goods with the id {goods_id}.")
    return found


def _shown(request: HttpRequest, schemas: VersionSchemas, goods_id: int) -> Schema:
    access: Access = request.auth
    goods = _one(visible_goods(access).with_lists(), goods_id)
    return schemas.goods.model_validate(goods, context={"request": request})


def _locked(request: HttpRequest, schemas: VersionSchemas, goods_id: int, if_match: str | None) -> Goods:
    """Return goods, locked, if the client has seen them as they are now."""
    visible = visible_goods(request.auth)
    goods = _one(visible.select_for_update(of=whole_row_of(visible.model)), goods_id)
    check_if_match(if_match, _shown(request, schemas, goods_id))
    return goods
