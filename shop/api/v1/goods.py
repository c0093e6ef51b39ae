"""The goods that customers may see."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router

from shop.api.v1.schemas import GoodsFilter, GoodsOut, GoodsPage
from shop.goods.models import Goods
from shop.goods.queries import GoodsQuerySet

router = Router(tags=["goods"])


@router.get("", response=GoodsPage, url_name="goods_list")
def list_goods(request: HttpRequest, filters: Query[GoodsFilter]) -> dict[str, Any]:
    """List goods, the newest first."""
    found = _visible_goods()
    if filters.category:
        found = found.in_category(filters.category)
    if filters.search:
        found = found.search(filters.search)
    page = found.with_prices()[filters.offset : filters.offset + filters.limit]
    return {"items": list(page), "count": found.count()}


@router.get("/{goods_id}", response=GoodsOut, url_name="goods_detail")
def get_goods(request: HttpRequest, goods_id: int) -> Goods:
    """Get one of the goods."""
    try:
        return _visible_goods().with_prices().get(pk=goods_id)
    except Goods.DoesNotExist:
        raise Http404(f"There are no goods with the id {goods_id}.") from None


def _visible_goods() -> GoodsQuerySet:
    return Goods.objects.published()
