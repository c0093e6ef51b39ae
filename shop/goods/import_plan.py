"""Comparison of a batch of products with the shop's goods, and the writes that follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from django.db import models

from shop.goods.csv_cells import Columns
from shop.goods.errors import Problem
from shop.goods.import_matching import (
    Codes,
    Match,
    category_slug,
    find_or_create_categories,
    match_skus,
    picture_key,
    positions,
)
from shop.goods.models import Goods, Picture, Sku
from shop.goods.notes import Kind, Notes
from shop.goods.products import Part, Product
from shop.goods.services import csv_columns
from tenants.variants import resolve
from tenants.variants.bulk import bulk_insert, bulk_update

Row = TypeVar("Row", bound=models.Model)
PartRow = TypeVar("PartRow", Sku, Picture)

_GOODS_FIELDS = ["name", "description", "vendor", "category", "tags", "option_names", "is_published", "updated_at"]
_SKU_FIELDS = [
    "code", "option_values", "price", "compare_at_price", "stock", "track_stock", "allow_backorders", "weight_grams",
    "barcode", "position",
]  # fmt: skip
_PICTURE_FIELDS = ["alt", "position"]


class RowChanges(Generic[Row]):
    """The rows of one model that a plan creates or changes."""

    def __init__(self, model: type[Row], fields: list[str]) -> None:
        self.new: list[Row] = []
        self.changed: list[Row] = []
        self._model = model
        self._fields = fields

    def put(self, row: Row | None, key: dict[str, Any], fields: dict[str, Any]) -> Row:
        """Return `row` with `fields`, or a new row with `key` and `fields`."""
        if row is None:
            row = self._model(**key, **fields)
            self.new.append(row)
        elif any(getattr(row, name) != value for name, value in fields.items()):
            for name, value in fields.items():
                setattr(row, name, value)
            self.changed.append(row)
        return row

    def write(self) -> None:
        bulk_update(self._model, self.changed, self._fields)
        bulk_insert(self._model, self.new)


class ImportPlan:
    """What a batch of products changes. Making the plan writes missing categories and nothing else."""

    def __init__(self, products: list[Product], *, drops_duplicate_codes: bool) -> None:
        goods_model, sku_model = resolve(Goods), resolve(Sku)
        columns = resolve(csv_columns)
        self.goods = RowChanges(goods_model, [*_GOODS_FIELDS, *_filled_by(columns.goods_columns())])
        self.skus = RowChanges(sku_model, [*_SKU_FIELDS, *_filled_by(columns.sku_columns())])
        self.pictures = RowChanges(Picture, _PICTURE_FIELDS)
        self.problems: list[Problem] = []
        self.notes = Notes()
        self._drops_duplicate_codes = drops_duplicate_codes
        slugs = [product.slug for product in products]
        existing = {
            goods.slug: goods for goods in goods_model.objects.filter(slug__in=slugs).select_related("category")
        }
        skus = _by_goods(sku_model, existing.values())
        pictures = _by_goods(Picture, existing.values())
        self._categories = find_or_create_categories({product.category for product in products if product.category})
        matches = {
            product.slug: match_skus(product, skus[found.pk] if (found := existing.get(product.slug)) else [])
            for product in products
        }
        self._codes = Codes([pair for product in products for pair in matches[product.slug]])
        for product in products:
            goods = self._put_goods(existing.get(product.slug), product)
            before = self._count_parts()
            self._put_skus(goods, matches[product.slug])
            self._put_pictures(goods, pictures[goods.pk], product)
            is_touched = self._count_parts() != before
            if is_touched and goods.pk and not (self.goods.changed and self.goods.changed[-1] is goods):
                self.goods.changed.append(goods)

    def write(self) -> None:
        self.goods.write()
        # First, so that two SKUs can swap their codes.
        Sku.objects.filter(pk__in=self._codes.given_up).update(code="")
        self.skus.write()
        self.pictures.write()

    def _count_parts(self) -> int:
        return sum(len(rows) for kind in (self.skus, self.pictures) for rows in (kind.new, kind.changed))

    def _put_goods(self, goods: Goods | None, product: Product) -> Goods:
        fields = dict(product.fields)
        if goods is None and "name" not in fields:
            self._refuse_new(repr(product.slug), "title", product.line, "Title")
        has_category = goods and goods.category and goods.category.name == product.category
        if product.category is not None and not has_category:
            found = self._categories.get(category_slug(product.category)) if product.category else None
            fields["category_id"] = found and found.pk
        return self.goods.put(goods, {"slug": product.slug}, fields)

    def _put_skus(self, goods: Goods, matches: list[Match]) -> None:
        for (part, sku), position in zip(matches, positions(matches), strict=True):
            fields = {"position": position, **({} if sku else part.if_new), **part.fields}
            if sku is None and "price" not in fields:
                self._refuse_new(_named(goods, part), "price", part.line, "Variant Price")
                continue
            if sku is None and "option_values" not in fields and (len(matches) > 1 or goods.option_names):
                self._refuse_new(_named(goods, part), "options", part.line, "Option1 Value")
                continue
            if holder := self._codes.holder_of(part, sku):
                self._leave_out_code(part, fields, holder)
            self._settle_stock(part, fields, sku)
            self.skus.put(sku, {"goods": goods}, fields)

    def _refuse_new(self, name: str, missing: str, line: int, column: str) -> None:
        reason = f"{name} is new, and the file has no {missing} for it. Import the products first."
        self.problems.append(Problem(line=line, column=column, reason=reason))

    def _leave_out_code(self, part: Part, fields: dict[str, Any], holder: Sku) -> None:
        code = fields.pop("code")
        if self._drops_duplicate_codes:
            self.notes.add(Kind.REPEATED_CODE, part.line)
            return
        reason = f"{code!r} is already the SKU of another variant, of {holder.goods.slug!r}."
        self.problems.append(Problem(line=part.line, column="code", reason=reason))

    def _settle_stock(self, part: Part, fields: dict[str, Any], sku: Sku | None) -> None:
        is_tracked = fields.get("track_stock", sku is None or sku.track_stock)
        allows_backorders = fields.get("allow_backorders", sku is not None and sku.allow_backorders)
        if not is_tracked:
            self.notes.add(Kind.NOT_TRACKED, part.line)
        elif sku is None and "stock" not in fields:
            self.notes.add(Kind.NO_QUANTITY, part.line)
        stock = fields.get("stock", sku.stock if sku else 0)
        if stock < 0 and is_tracked and not allows_backorders:
            fields["stock"] = 0
            self.notes.add(Kind.NEGATIVE_STOCK, part.line)

    def _put_pictures(self, goods: Goods, existing: list[Picture], product: Product) -> None:
        by_key = {picture_key(picture.source_url or picture.url): picture for picture in existing}
        for address, part in product.pictures.items():
            picture, fields = by_key.get(picture_key(address)), part.fields
            if picture and picture.file:  # an uploaded file, in a CSV that we exported
                fields = {name: value for name, value in fields.items() if name != "source_url"}
            self.pictures.put(picture, {"goods": goods}, fields)


def _named(goods: Goods, part: Part) -> str:
    title = " / ".join(part.fields.get("option_values", ())) or part.fields.get("code", "")
    return f"{goods.slug!r} ({title})" if title else repr(goods.slug)


def _filled_by(columns: Columns) -> list[str]:
    return [name for name, _ in columns.values()]


def _by_goods(model: type[PartRow], goods: Iterable[Goods]) -> defaultdict[int, list[PartRow]]:
    rows = defaultdict[int, list[PartRow]](list)
    for row in model._default_manager.filter(goods__in=[one.pk for one in goods]):
        rows[row.goods_id].append(row)
    return rows
