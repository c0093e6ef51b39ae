"""The goods that every shop has while requests are measured."""

from __future__ import annotations

from decimal import Decimal

from shop.goods.models import Category, Goods, Sku


def stock_shop() -> None:
    """Put twenty goods with two skus each, in one category, into the shop that is active."""
    shelf = Category.objects.create(name="Shelf", slug="shelf")
    for number in range(20):
        goods = Goods.objects.create(
            name=f"Thing {number}", slug=f"thing-{number}", category=shelf, description="Made to be listed. " * 10
        )
        Sku.objects.bulk_create(
            Sku(goods=goods, option_values=[size], price=Decimal(1000 * (number + 1)), stock=5) for size in ("S", "L")
        )
