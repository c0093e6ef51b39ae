"""Compares a batch of products from a file with the shop's goods, and writes what is new or differs, set by set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q
from django.utils.text import slugify

from shop.goods.cells import Columns
from shop.goods.errors import Problem
from shop.goods.models import Category, Goods, Picture, Sku
from shop.goods.shopify_csv import Product
from tenants import current_tenant
from tenants.variants import resolve
from tenants.variants.rows import insert_rows, update_rows

_Row = TypeVar("_Row", bound=models.Model)

_GOODS_FIELDS = ["name", "description", "vendor", "category", "tags", "option_names", "is_published", "updated_at"]
_SKU_FIELDS = ["code", "option_values", "price", "compare_at_price", "stock", "weight_grams", "barcode", "position"]
_PICTURE_FIELDS = ["alt", "position"]


class Changes(Generic[_Row]):
    """The rows of one model that a plan makes or changes."""

    def __init__(self, model: type[_Row], fields: list[str]) -> None:
        self.new: list[_Row] = []
        self.changed: list[_Row] = []
        self._model = model
        self._fields = fields

    def put(self, row: _Row | None, key: dict[str, Any], fields: dict[str, Any]) -> _Row:
        """Return `row` with `fields`, or a new row with `key` and `fields` if there is none."""
        if row is None:
            row = self._model(**key, **fields)
            self.new.append(row)
        elif any(getattr(row, name) != value for name, value in fields.items()):
            for name, value in fields.items():
                setattr(row, name, value)
            self.changed.append(row)
        return row

    def write(self) -> None:
        update_rows(self._model, self.changed, self._fields)
        insert_rows(self._model, self.new)


class Plan:
    """What a batch of products changes. Made without writing anything but the categories that are missing."""

    def __init__(self, products: list[Product]) -> None:
        goods_model, sku_model = resolve("goods.models.Goods"), resolve("goods.models.Sku")
        columns = resolve("goods.services.csv_columns")
        self.goods = Changes(goods_model, [*_GOODS_FIELDS, *_filled_by(columns.goods_columns())])
        self.skus = Changes(sku_model, [*_SKU_FIELDS, *_filled_by(columns.sku_columns())])
        self.pictures = Changes(Picture, _PICTURE_FIELDS)
        self._given_up: list[int] = []
        """The skus whose code changes."""
        self._lines: dict[str, int] = {}
        """On which line of the file a code is that a sku did not have before."""
        existing = {
            goods.slug: goods for goods in goods_model.objects.filter(slug__in=[product.slug for product in products])
        }
        skus = _by_goods(sku_model, existing.values())
        pictures = _by_goods(Picture, existing.values())
        categories = _categories({product.category for product in products if product.category})
        for product in products:
            goods = self._put_goods(existing.get(product.slug), product, categories)
            before = self._count()
            self._put_skus(goods, skus[goods.pk], product)
            self._put_pictures(goods, pictures[goods.pk], product)
            is_touched = self._count() != before
            if is_touched and goods.pk and not (self.goods.changed and self.goods.changed[-1] is goods):
                self.goods.changed.append(goods)
        self.problems = list(self._taken_codes())

    def write(self) -> None:
        """Carry it out."""
        self.goods.write()
        # First, so that two skus can swap their codes.
        Sku.objects.filter(pk__in=self._given_up).update(code="")
        self.skus.write()
        self.pictures.write()

    def _count(self) -> int:
        return sum(len(rows) for kind in (self.skus, self.pictures) for rows in (kind.new, kind.changed))

    def _put_goods(self, goods: Goods | None, product: Product, categories: dict[str, Category]) -> Goods:
        fields = dict(product.fields)
        if product.category is not None:
            category = categories.get(_slug_of_category(product.category)) if product.category else None
            fields["category_id"] = category and category.pk
        return self.goods.put(goods, {"slug": product.slug}, fields)

    def _put_skus(self, goods: Goods, existing: list[Sku], product: Product) -> None:
        by_options = {tuple(sku.option_values): sku for sku in existing}
        # A sku whose options were renamed is known by its code.
        by_code = {sku.code: sku for sku in existing if sku.code and tuple(sku.option_values) not in product.skus}
        for options, part in product.skus.items():
            code = part.fields.get("code", "")
            sku = by_options.get(options) or by_code.get(code)
            if code and not (sku and sku.code == code):
                self._lines[code] = part.line
            if sku and sku.code and sku.code != part.fields.get("code", sku.code):
                self._given_up.append(sku.pk)
            self.skus.put(sku, {"goods": goods}, part.fields)

    def _put_pictures(self, goods: Goods, existing: list[Picture], product: Product) -> None:
        by_place = {_place(picture.source_url or picture.url): picture for picture in existing}
        for address, part in product.pictures.items():
            picture, fields = by_place.get(_place(address)), part.fields
            if picture and picture.file:  # one of our own files, in a file that we wrote ourselves
                fields = {name: value for name, value in fields.items() if name != "source_url"}
            self.pictures.put(picture, {"goods": goods}, fields)

    def _taken_codes(self) -> Iterator[Problem]:
        holders = Sku.objects.filter(code__in=self._lines).exclude(pk__in=self._given_up).select_related("goods")
        for sku in holders if self._lines else ():
            reason = f"{sku.code!r} is the code of another sku already, of {sku.goods.slug!r}."
            yield Problem(line=self._lines[sku.code], column="Variant SKU", reason=reason)


def _filled_by(columns: Columns) -> list[str]:
    return [name for name, _ in columns.values()]


def _by_goods(model: type[_Row], goods: Iterable[Goods]) -> defaultdict[int | None, list[_Row]]:
    rows = defaultdict(list)
    for row in model._default_manager.filter(goods__in=[one.pk for one in goods]):
        rows[row.goods_id].append(row)
    return rows


def _place(address: str) -> str:
    """Return what tells one picture from another: its address, of which on our own host the path alone."""
    parts = urlsplit(address)
    return parts.path if parts.hostname == current_tenant().host else address


def _slug_of_category(name: str) -> str:
    return slugify(name, allow_unicode=True)[:255] or "other"


def _categories(names: set[str]) -> dict[str, Category]:
    wanted = {_slug_of_category(name): name for name in sorted(names)}
    there = Category.objects.filter(Q(slug__in=wanted) | Q(name__in=names))
    # A category that is called so is the one that is meant, whatever its slug is; but first the one with this slug.
    by_name = {_slug_of_category(category.name): category for category in there if category.name in names}
    found = by_name | {category.slug: category for category in there if category.slug in wanted}
    if found.keys() == wanted.keys():
        return found
    missing = [Category(slug=slug, name=name) for slug, name in wanted.items() if slug not in found]
    # Somebody may add the same one in the admin just now.
    Category.objects.bulk_create(missing, ignore_conflicts=True)
    return found | {category.slug: category for category in Category.objects.filter(slug__in=wanted)}
