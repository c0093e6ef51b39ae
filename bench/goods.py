"""The goods that every shop has while requests are measured."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from shop.goods.models import Category, Goods, Sku


def fill_shop(model: type[Goods] = Goods) -> None:
    """Put twenty goods with two skus each, in one category, into the shop that is active."""
    shelf = Category.objects.create(name="Shelf", slug="shelf")
    for number in range(20):
        goods = model.objects.create(
            name=f"Thing {number}", slug=f"thing-{number}", category=shelf, description="Made to be listed. " * 10
        )
        Sku.objects.bulk_create(
            Sku(goods=goods, option_values=[size], price=Decimal(1000 * (number + 1)), stock=5) for size in ("S", "L")
        )


def stock_warehouse(rows: int) -> None:
    """Put so many goods with a sku each into the shop that is active."""
    made = Goods.objects.bulk_create(Goods(name=f"Thing {n}", slug=f"warehouse-{n}") for n in range(rows))
    Sku.objects.bulk_create(Sku(goods=goods, price=Decimal(1000), stock=5) for goods in made)


READINGS: dict[str, Callable[[], object]] = {
    "list": lambda: list(Goods.objects.all()),
    "prefetch": lambda: list(Goods.objects.prefetch_related("skus")),
    "one": lambda: Goods.objects.get(slug="warehouse-500"),
}
"""What is read of them, by name."""
