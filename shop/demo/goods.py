"""Goods, customers and orders of the demo."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import ModuleType

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.text import slugify

from shop.demo.catalogues import apparel, grocery, home
from shop.demo.catalogues.entries import DemoOrder
from shop.goods.importer import import_goods
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.models import Order
from shop.orders.services import mark_paid, mark_shipped, place_order

_EARLIER = (28, 26, 25, 22, 20, 17, 15, 14, 11, 7, 5, 4)
"""Days since more orders than those in the catalogues."""

DEMO = Path(__file__).parent
DATA = DEMO / "data"
PICTURES = DEMO / "pictures"


@transaction.atomic
def fill_shop(slug: str) -> None:
    """Fill the active shop with the demo's data for `acme`, `globex` or `initech`, unless it has goods."""
    fill = _FILL_BY_SLUG[slug]
    if not Goods.objects.exists():
        fill()


def _fill_acme() -> None:
    categories = _create_categories(apparel.CATEGORIES)
    with (DATA / "apparel.csv").open("rb") as file:
        import_goods(file)
    for goods in Goods.objects.prefetch_related("skus", "pictures"):
        look = apparel.LOOKS[goods.slug]
        goods.category = categories[look.category]
        goods.save()
        before = Decimal(look.before) if look.before else None
        goods.skus.update(stock=look.stock, track_stock=True, compare_at_price=before)
        for picture in goods.pictures.all():
            _save(picture, look.picture)
    _place(apparel.ORDERS)


def _fill(name: str, catalogue: ModuleType) -> None:
    _create_categories(catalogue.CATEGORIES)
    path = DATA / f"{name}.csv"
    with path.open("rb") as file:
        import_goods(file)
    goods = {one.slug: one for one in Goods.objects.all()}
    counts = Counter[str]()
    with path.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if row["Picture"]:
                counts[slug := row["Handle"]] += 1
                _save(Picture(goods=goods[slug], alt=row["Picture Alt"], position=counts[slug]), row["Picture"])
    _place(catalogue.ORDERS)


_FILL_BY_SLUG: dict[str, Callable[[], None]] = {
    "acme": _fill_acme,
    "globex": partial(_fill, "home", home),
    "initech": partial(_fill, "grocery", grocery),
}


def _create_categories(names: Iterable[str]) -> dict[str, Category]:
    return {
        name: Category.objects.create(
            name=name, slug=slugify(name.replace("·", "-"), allow_unicode=True), position=position
        )
        for position, name in enumerate(names, start=1)
    }


def _save(picture: Picture, name: str) -> None:
    file_name = f"{picture.goods.slug}-{picture.position}.webp"
    # A run that was killed may have left the file: files are not part of the transaction.
    default_storage.delete(picture.file.field.generate_filename(picture, file_name))
    picture.alt = picture.alt or picture.goods.name
    picture.file.save(file_name, ContentFile((PICTURES / f"{name}.webp").read_bytes()))


def _place(orders: tuple[DemoOrder, ...]) -> None:
    for entry in (*orders, *_older(orders)):
        skus = Sku.objects.filter(goods__slug__in=entry.goods).select_related("goods")
        first = {sku.goods.slug: sku.pk for sku in skus.order_by("-position", "-id")}
        quantities = {first[slug]: pieces for slug, pieces in entry.goods.items()}
        customer = entry.customer
        order = place_order(customer, quantities, f"{customer.name}\n{entry.address}\n{customer.phone}")
        if entry.is_paid:
            order = mark_paid(order)
        if entry.is_shipped:
            mark_shipped(order)
        Order.objects.filter(pk=order.pk).update(placed_at=order.placed_at - timedelta(days=entry.days_ago))


def _older(orders: tuple[DemoOrder, ...]) -> Iterator[DemoOrder]:
    """Yield older orders of the same customers, for goods with enough stock."""
    in_stock = Goods.objects.filter(is_published=True, skus__stock__gt=8).distinct().order_by("id")
    slugs = list(in_stock.values_list("slug", flat=True))
    for number, days_ago in enumerate(_EARLIER):
        basket = {slugs[number % len(slugs)]: 1 + number % 2}
        yield replace(orders[number % len(orders)], goods=basket, is_paid=True, is_shipped=True, days_ago=days_ago)
