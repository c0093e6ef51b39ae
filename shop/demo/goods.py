"""Goods, customers and orders of the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.text import slugify

from shop.demo.catalogues import apparel, grocery, home
from shop.demo.catalogues.entries import DemoGoods, DemoOrder
from shop.goods.importer import import_goods
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.models import Order
from shop.orders.services import mark_paid, mark_shipped, place_order
from tenants.variants import resolve
from tenants.variants.bulk import bulk_insert

_EARLIER = (28, 26, 25, 22, 20, 17, 15, 14, 11, 7, 5, 4)
"""Days since more orders than those in the catalogues."""

DEMO = Path(__file__).parent
APPAREL_CSV = DEMO / "data" / "apparel.csv"
PICTURES = DEMO / "pictures"


@transaction.atomic
def fill_shop(slug: str) -> None:
    """Fill the active shop with the demo's data for `acme`, `globex` or `initech`, unless it has goods."""
    fill = _FILL_BY_SLUG[slug]
    if not Goods.objects.exists():
        fill()


def _fill_acme() -> None:
    categories = _create_categories(apparel.CATEGORIES)
    with APPAREL_CSV.open("rb") as file:
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


def _fill_globex() -> None:
    _create(home.CATEGORIES, home.GOODS)
    _place(home.ORDERS)


def _fill_initech() -> None:
    _create(grocery.CATEGORIES, grocery.GOODS)
    _place(grocery.ORDERS)


_FILL_BY_SLUG: dict[str, Callable[[], None]] = {"acme": _fill_acme, "globex": _fill_globex, "initech": _fill_initech}


def _create_categories(names: Iterable[str]) -> dict[str, Category]:
    return {
        name: Category.objects.create(
            name=name, slug=slugify(name.replace("·", "-"), allow_unicode=True), position=position
        )
        for position, name in enumerate(names, start=1)
    }


def _create(category_names: Iterable[str], entries: Iterable[DemoGoods]) -> None:
    categories = _create_categories(category_names)
    for entry in entries:
        goods = resolve(Goods).objects.create(
            name=entry.name,
            slug=slugify(entry.name, allow_unicode=True),
            description=entry.description,
            vendor=entry.vendor,
            category=categories[entry.category],
            option_names=[entry.option] if entry.option else [],
        )
        _create_skus(goods, entry)
        for position, name in enumerate(entry.pictures, start=1):
            _save(Picture(goods=goods, alt=_alt(entry, position), position=position), name)


def _create_skus(goods: Goods, entry: DemoGoods) -> None:
    model = resolve(Sku)
    skus = [
        model(
            goods=goods,
            option_values=[option] if option else [],
            price=Decimal(entry.prices.get(option, entry.price)),
            # The sale and the weight are those of the size with `price`.
            compare_at_price=Decimal(entry.before) if entry.before and option not in entry.prices else None,
            stock=stock,
            weight_grams=0 if option in entry.prices else entry.weight_grams,
            position=position,
        )
        for position, (option, stock) in enumerate(entry.stock.items(), start=1)
    ]
    bulk_insert(model, skus)


def _alt(entry: DemoGoods, position: int) -> str:
    """Return the name, and the option if each has its own picture."""
    options = list(entry.stock)
    return f"{entry.name}, {options[position - 1]}" if len(entry.pictures) == len(options) > 1 else entry.name


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
