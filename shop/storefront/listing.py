"""Goods in lists of the storefront."""

from __future__ import annotations

from django.db.models import F, OrderBy, OuterRef, Subquery

from shop.goods.models import Goods, Sku
from shop.goods.queries import GoodsQuerySet
from tenants.variants import resolve

NEWEST = "newest"
ORDERINGS: dict[str, list[str | OrderBy]] = {
    NEWEST: ["-created_at", "-id"],
    "cheapest": [F("lowest_price").asc(nulls_last=True), "-id"],
    "dearest": [F("lowest_price").desc(nulls_last=True), "-id"],
}


def listed_goods() -> GoodsQuerySet:
    """Return the published goods for cards, in two queries: the goods, and their pictures.

    They have what `with_prices` adds, and `price_before`: the crossed-out price of their cheapest SKU, or None.
    """
    skus = resolve(Sku).objects.available().priced()
    cheapest = skus.filter(goods=OuterRef("pk")).order_by("selling_price", "position", "id")  # type: ignore[misc]
    return (
        resolve(Goods)
        .objects.published()
        .with_prices()
        .prefetch_related(None)  # cards show annotations, and need no SKUs
        .prefetch_related("pictures")
        .annotate(price_before=Subquery(cheapest.values("selling_price_before")[:1]))  # type: ignore[misc]
    )
