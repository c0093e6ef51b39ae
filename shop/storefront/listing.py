"""Goods as lists of the storefront show them: what is for sale, with the price to print on the card."""

from __future__ import annotations

from django.db.models import F, OuterRef, Subquery

from shop.goods.queries import GoodsQuerySet
from tenants.variants import resolve

NEWEST = "newest"
ORDERINGS = {
    NEWEST: ["-created_at", "-id"],
    "cheapest": [F("lowest_price").asc(nulls_last=True), "-id"],
    "dearest": [F("lowest_price").desc(nulls_last=True), "-id"],
}


def listed_goods() -> GoodsQuerySet:
    """Return the published goods, furnished for cards in two queries: the goods, and their pictures.

    Beside what `with_prices` adds they have `price_before`: the crossed-out price of their cheapest sku, or None.
    """
    skus = resolve("goods.models.Sku").objects.available().priced()
    cheapest = skus.filter(goods=OuterRef("pk")).order_by("selling_price", "position", "id")
    return (
        resolve("goods.models.Goods")
        .objects.published()
        .with_prices()
        .prefetch_related(None)  # cards print what is annotated; they need no skus
        .prefetch_related("pictures")
        .annotate(price_before=Subquery(cheapest.values("selling_price_before")[:1]))
    )
