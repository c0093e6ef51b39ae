"""Compares a batch of products from a file with the shop's goods, and writes what is new or differs, set by set."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q
from django.utils.text import slugify

from shop.goods.csv_cells import Columns
from shop.goods.errors import Problem
from shop.goods.models import Category, Goods, Picture, Sku
from shop.goods.notes import Kind, Notes
from shop.goods.products import Part, Product
from tenants import current_tenant
from tenants.variants import resolve
from tenants.variants.bulk import bulk_insert, bulk_update

_Row = TypeVar("_Row", bound=models.Model)

_GOODS_FIELDS = ["name", "description", "vendor", "category", "tags", "option_names", "is_published", "updated_at"]
_SKU_FIELDS = [
    "code", "option_values", "price", "compare_at_price", "stock", "track_stock", "allow_backorders", "weight_grams",
    "barcode", "position",
]  # fmt: skip
_PICTURE_FIELDS = ["alt", "position"]
_FIRST = "Import the products first."


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
        bulk_update(self._model, self.changed, self._fields)
        bulk_insert(self._model, self.new)


class Plan:
    """What a batch of products changes. Made without writing anything but the categories that are missing."""

    def __init__(self, products: list[Product], *, drops_duplicate_codes: bool) -> None:
        goods_model, sku_model = resolve("goods.models.Goods"), resolve("goods.models.Sku")
        columns = resolve("goods.services.csv_columns")
        self.goods = Changes(goods_model, [*_GOODS_FIELDS, *_filled_by(columns.goods_columns())])
        self.skus = Changes(sku_model, [*_SKU_FIELDS, *_filled_by(columns.sku_columns())])
        self.pictures = Changes(Picture, _PICTURE_FIELDS)
        self.problems: list[Problem] = []
        self.notes = Notes()
        slugs = [product.slug for product in products]
        existing = {
            goods.slug: goods for goods in goods_model.objects.filter(slug__in=slugs).select_related("category")
        }
        skus = _by_goods(sku_model, existing.values())
        pictures = _by_goods(Picture, existing.values())
        categories = _categories({product.category for product in products if product.category})
        matches = {product.slug: _matches(product, skus[_key(existing.get(product.slug))]) for product in products}
        self._codes = Codes([pair for product in products for pair in matches[product.slug]])
        for product in products:
            goods = self._put_goods(existing.get(product.slug), product, categories)
            before = self._count()
            self._put_skus(goods, matches[product.slug], drops_duplicate_codes)
            self._put_pictures(goods, pictures[goods.pk], product)
            is_touched = self._count() != before
            if is_touched and goods.pk and not (self.goods.changed and self.goods.changed[-1] is goods):
                self.goods.changed.append(goods)

    def write(self) -> None:
        """Carry it out."""
        self.goods.write()
        # First, so that two skus can swap their codes.
        Sku.objects.filter(pk__in=self._codes.given_up).update(code="")
        self.skus.write()
        self.pictures.write()

    def _count(self) -> int:
        return sum(len(rows) for kind in (self.skus, self.pictures) for rows in (kind.new, kind.changed))

    def _put_goods(self, goods: Goods | None, product: Product, categories: dict[str, Category]) -> Goods:
        fields = dict(product.fields)
        if goods is None and "name" not in fields:
            reason = f"{product.slug!r} is not in the shop, and the file has no title to make it with. {_FIRST}"
            self.problems.append(Problem(line=product.line, column="Title", reason=reason))
        is_there = goods and goods.category and goods.category.name == product.category
        if product.category is not None and not is_there:
            category = categories.get(_slug_of_category(product.category)) if product.category else None
            fields["category_id"] = category and category.pk
        return self.goods.put(goods, {"slug": product.slug}, fields)

    def _put_skus(self, goods: Goods, matches: list[tuple[Part, Sku | None]], drops_duplicate_codes: bool) -> None:
        for (part, sku), position in zip(matches, positions(matches), strict=True):
            fields = {"position": position, **({} if sku else part.if_new), **part.fields}
            if sku is None and "price" not in fields:
                reason = (
                    f"{_named(goods, part)} is not in the shop, and the file has no price to make it with. {_FIRST}"
                )
                self.problems.append(Problem(line=part.line, column="Variant Price", reason=reason))
                continue
            if sku is None and "option_values" not in fields and (len(matches) > 1 or goods.option_names):
                reason = (
                    f"{_named(goods, part)} is not in the shop, and the file has no options to make it with. {_FIRST}"
                )
                self.problems.append(Problem(line=part.line, column="Option1 Value", reason=reason))
                continue
            if holder := self._codes.holder_of(part, sku):
                self._leave_out_code(part, fields, holder, drops_duplicate_codes)
            self._settle_stock(part, fields, sku)
            self.skus.put(sku, {"goods": goods}, fields)

    def _leave_out_code(self, part: Part, fields: dict[str, Any], holder: Sku, drops_duplicate_codes: bool) -> None:
        code = fields.pop("code")
        if drops_duplicate_codes:
            self.notes.add(Kind.REPEATED_CODE, part.line)
            return
        reason = f"{code!r} is the code of another sku already, of {holder.goods.slug!r}."
        self.problems.append(Problem(line=part.line, column="code", reason=reason))

    def _settle_stock(self, part: Part, fields: dict[str, Any], sku: Sku | None) -> None:
        is_tracked = fields.get("track_stock", sku is None or sku.track_stock)
        takes_backorders = fields.get("allow_backorders", sku is not None and sku.allow_backorders)
        if not is_tracked:
            self.notes.add(Kind.NOT_TRACKED, part.line)
        elif sku is None and "stock" not in fields:
            self.notes.add(Kind.NO_QUANTITY, part.line)
        stock = fields.get("stock", sku.stock if sku else 0)
        if stock < 0 and is_tracked and not takes_backorders:
            fields["stock"] = 0
            self.notes.add(Kind.NEGATIVE_STOCK, part.line)

    def _put_pictures(self, goods: Goods, existing: list[Picture], product: Product) -> None:
        by_place = {_place(picture.source_url or picture.url): picture for picture in existing}
        for address, part in product.pictures.items():
            picture, fields = by_place.get(_place(address)), part.fields
            if picture and picture.file:  # one of our own files, in a file that we wrote ourselves
                fields = {name: value for name, value in fields.items() if name != "source_url"}
            self.pictures.put(picture, {"goods": goods}, fields)


class Codes:
    """Who has which code after a batch: each is of one sku in the shop, and the others that want it go without."""

    def __init__(self, matches: list[tuple[Part, Sku | None]]) -> None:
        wanted = {part.fields["code"] for part, _ in matches if part.fields.get("code")}
        held = Sku.objects.filter(code__in=wanted).select_related("goods") if wanted else ()
        self._holders = {sku.code: sku for sku in held}
        self._changing = {
            sku.pk: part.fields["code"]
            for part, sku in matches
            if sku and sku.code != part.fields.get("code", sku.code)
        }
        # A sku that cannot get its new code keeps the old one, which another may be waiting for.
        while kept := [pk for pk, code in self._changing.items() if code and self._is_held(code, pk)]:
            for pk in kept:
                del self._changing[pk]
        changed = [sku for _, sku in matches if sku and sku.pk in self._changing]
        self.given_up = [sku.pk for sku in changed if sku.code]

    def holder_of(self, part: Part, sku: Sku | None) -> Sku | None:
        """Return the sku that has the code and keeps it, if that is another one."""
        code = part.fields.get("code")
        return self._holders[code] if code and self._is_held(code, sku and sku.pk) else None

    def _is_held(self, code: str, by_other_than: int | None) -> bool:
        holder = self._holders.get(code)
        return holder is not None and holder.pk != by_other_than and holder.pk not in self._changing


def positions(matches: list[tuple[Part, Sku | None]]) -> Iterator[int]:
    """Return the positions in which skus, and new ones, stand in this order; those that are in it keep theirs.

    A file of stock or codes alone says nothing of an order.
    """
    says_order = all({"price", "option_values"} <= part.fields.keys() for part, _ in matches)
    last, last_id = 0, 0
    for _, sku in matches:
        if sku is not None and (not says_order or (sku.position, sku.pk) > (last, last_id)):
            last, last_id = sku.position, sku.pk
        else:
            last, last_id = last + 1, sku.pk if sku is not None else 2**63
        yield last


def _matches(product: Product, existing: list[Sku]) -> list[tuple[Part, Sku | None]]:
    """Return the skus of a product, each with the one that the shop has of it."""
    by_options = {tuple(sku.option_values): sku for sku in existing}
    # A sku whose options were renamed is known by its code.
    by_code = {sku.code: sku for sku in existing if sku.code and tuple(sku.option_values) not in product.skus}
    matches, taken = [], set[int]()
    for options, part in product.skus.items():
        if "option_values" in part.fields:
            sku = by_options.get(options) or by_code.get(part.fields.get("code", ""))
        else:  # a file without columns for options
            sku = next((one for one in existing if one.code and one.code == part.fields.get("code")), None)
            sku = sku or (existing[0] if len(existing) == len(product.skus) == 1 else None)
        if sku and sku.pk in taken:  # another has its options
            sku = None
        if sku:
            taken.add(sku.pk)
        matches.append((part, sku))
    return matches


def _named(goods: Goods, part: Part) -> str:
    title = " / ".join(part.fields.get("option_values", ())) or part.fields.get("code", "")
    return f"{goods.slug!r} ({title})" if title else repr(goods.slug)


def _key(goods: Goods | None) -> int | None:
    return goods and goods.pk


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
    # Names without a letter, as "🎉" and "///", are different categories too.
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return slugify(name, allow_unicode=True)[:255] or f"other-{digest}"


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
