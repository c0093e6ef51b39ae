"""Queries for goods and SKUs: what a client may see, filtered and in order."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import DecimalField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce

from shop.api.filters import search_words
from shop.api.schemas.goods import GoodsFilter
from shop.api.schemas.skus import SkuFilter
from shop.goods.models import Goods, Sku
from shop.goods.money import DECIMAL_PLACES, MAX_DIGITS
from shop.goods.queries import GoodsQuerySet
from tenants.contrib.api.auth import Access, check_permissions
from tenants.contrib.api.cursor_pagination import Ordering, by_text, by_time
from tenants.variants import resolve

_MONEY = DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)
_BEYOND_ANY_PRICE = Decimal(10) ** 12


def _by_price(name: str) -> Ordering:
    return Ordering(name, "price_to_order_by", name.startswith("-"), _read_price)


def _read_price(text: str) -> Decimal | None:
    price = Decimal(text)
    return price if price.is_finite() and price.copy_abs() <= _BEYOND_ANY_PRICE else None


ORDERINGS = {
    ordering.name: ordering
    for ordering in (
        *(by_time(f"{sign}{field}") for sign in ("-", "") for field in ("created_at", "updated_at")),
        *(by_text(f"{sign}name") for sign in ("-", "")),
        *(_by_price(f"{sign}price") for sign in ("-", "")),
    )
}


def all_skus() -> QuerySet[Sku]:
    return resolve(Sku).objects.select_related("goods")


def visible_goods(access: Access) -> GoodsQuerySet:
    """Return the goods that a client may get by id: published ones, and all of them for staff."""
    goods = resolve(Goods).objects.all()
    return goods if access.has_perm("goods.view_goods") else goods.published()


def find_goods(access: Access, filters: GoodsFilter) -> tuple[GoodsQuerySet, Ordering]:
    """Return the goods that pass the filters, with what a list shows of them, and their order.

    Raises `NotAuthenticated` or `PermissionDenied` if the filters need the permission to see unpublished goods.
    """
    found: GoodsQuerySet = filters.narrow(resolve(Goods).objects.all())
    if filters.published != "any":
        found = found.filter(is_published=filters.published == "true")
    if filters.published != "true":
        check_permissions(access, "goods.view_goods")
    if filters.category:
        found = found.in_category(filters.category)
    if filters.search:
        found = found.search(filters.search)
    found = _filtered(found, filters).with_lists()
    ordering = ORDERINGS[filters.ordering]
    if ordering.field == "price_to_order_by":
        without = -1 if ordering.descending else _BEYOND_ANY_PRICE  # goods without a price come last either way
        found = found.annotate(price_to_order_by=Coalesce("lowest_price", Value(Decimal(without), _MONEY)))
    return found, ordering


def _filtered(found: GoodsQuerySet, filters: GoodsFilter) -> GoodsQuerySet:
    if filters.vendor:
        found = found.filter(vendor=filters.vendor)
    if filters.tag:
        found = found.filter(tags__contains=[filters.tag])
    if filters.updated_since:
        found = found.filter(updated_at__gte=filters.updated_since)
    if filters.in_stock is not None:
        skus = resolve(Sku).objects.available().in_stock()
        some = Exists(skus.filter(goods=OuterRef("pk")).order_by())
        found = found.filter(some if filters.in_stock else ~some)
    return found


def find_skus(filters: SkuFilter) -> QuerySet[Sku]:
    """Return the SKUs that pass the filters, with their goods."""
    found = search_words(all_skus(), filters.search, "goods__name", "code", "barcode")
    if filters.goods is not None:
        found = found.filter(goods=filters.goods)
    if filters.stock_below is not None:
        found = found.filter(track_stock=True, stock__lt=filters.stock_below)
    return found
