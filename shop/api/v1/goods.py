"""The goods that customers may see."""

# Without `from __future__ import annotations`: Ninja reads annotations, and some name what is made for a variant.

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router

from shop.api.v1.schemas import goods_schemas
from shop.goods.models import Goods
from shop.goods.queries import GoodsQuerySet
from tenants.variants import resolve


def make_router(variant: str) -> Router:
    """Return the router as shops of `variant` have it."""
    router = Router(tags=["goods"])
    schemas = goods_schemas(variant)
    Filter = schemas.filter  # noqa: N806  # a class

    @router.get("", response=schemas.page, url_name="goods_list")
    def list_goods(request: HttpRequest, filters: Query[Filter]) -> dict[str, Any]:
        """List goods, the newest first."""
        found = filters.narrow(_visible_goods())
        if filters.category:
            found = found.in_category(filters.category)
        if filters.search:
            found = found.search(filters.search)
        page = found.with_prices()[filters.offset : filters.offset + filters.limit]
        return {"items": list(page), "count": found.count()}

    @router.get("/{goods_id}", response=schemas.goods, url_name="goods_detail")
    def get_goods(request: HttpRequest, goods_id: int) -> Goods:
        """Get one of the goods."""
        try:
            return _visible_goods().with_prices().get(pk=goods_id)
        except Goods.DoesNotExist:
            raise Http404(f"There are no goods with the id {goods_id}.") from None

    return router


def _visible_goods() -> GoodsQuerySet:
    return resolve("goods.models.Goods").objects.published()
