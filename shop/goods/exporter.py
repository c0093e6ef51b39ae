"""Export of goods as the CSV that `import_goods` reads: Shopify's columns, and the shop's own."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

from django.db.models import Func, IntegerField, Max, Prefetch, QuerySet

from shop.goods.csv_cells import Columns, write_cell
from shop.goods.formats.columns import (
    CATEGORY_COLUMNS,
    GOODS_COLUMNS,
    PICTURE_COLUMNS,
    option_columns,
    own_goods_columns,
    own_sku_columns,
    sku_columns,
)
from shop.goods.formulas import for_spreadsheet
from shop.goods.models import Goods, Picture, Sku
from shop.goods.money import plain_money
from shop.goods.rich_text import is_html
from tenants import current_tenant
from tenants.variants import resolve

_BATCH = 500
"""Goods in memory at once."""
_OPTIONS = 3
"""Options in Shopify's columns. Goods with more options get more columns."""
_MONEY = frozenset(["price", "compare_at_price"])

_WORDS = {"track_stock": {True: "shopify", False: ""}, "allow_backorders": {True: "continue", False: "deny"}}

Cells = dict[str, str]


def export_goods(goods: QuerySet[Goods] | None = None, *, address: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of the file, by id: all goods of the active shop, or those of a queryset.

    `address` makes the URL of a picture absolute. Goods without a SKU are left out: the file has no row for them.
    """
    found = resolve(Goods).objects.all() if goods is None else goods
    skus = Prefetch("skus", resolve(Sku).objects.order_by("position", "id"))
    whole = found.order_by("pk").select_related("category").prefetch_related(None).prefetch_related(skus, "pictures")
    sheet = _Sheet(address, options=max(_OPTIONS, _max_options(found)))
    yield sheet.header()
    for one in whole.iterator(chunk_size=_BATCH):
        yield from sheet.lines(one)


class _Sheet:
    def __init__(self, address: Callable[[str], str], options: int) -> None:
        self._address = address
        self._currency = current_tenant().currency
        self._goods = _fields({**GOODS_COLUMNS, **own_goods_columns()})
        self._skus = _fields({**sku_columns(self._currency), **own_sku_columns()})
        self._pictures = _fields(PICTURE_COLUMNS)
        named = [column for number in range(1, options + 1) for column in option_columns(number)]
        self._columns = [
            "Handle", *self._goods, *CATEGORY_COLUMNS, "Published", *named, *self._skus, *self._pictures
        ]  # fmt: skip

    def header(self) -> str:
        return _line(self._columns)

    def lines(self, goods: Goods) -> Iterator[str]:
        skus, pictures = list(goods.skus.all()), list(goods.pictures.all())
        for number, (sku, picture) in enumerate(zip_longest(skus, pictures) if skus else ()):
            cells = {"Handle": goods.slug}
            if number == 0:
                cells |= self._of_goods(goods)
            if sku:
                cells |= self._of_sku(sku, goods)
            if picture:
                cells |= self._of_picture(picture)
            yield _line([cells.get(column, "") for column in self._columns])

    def _of_goods(self, goods: Goods) -> Cells:
        cells = {column: write_cell(getattr(goods, name)) for column, name in self._goods.items()}
        names = goods.option_names or ["Title"]
        return {
            **cells,
            "Body (HTML)": _markup(goods.description),
            "Type": goods.category.name if goods.category else "",
            "Published": write_cell(goods.is_published),
            **{f"Option{number} Name": name for number, name in enumerate(names, start=1)},
        }

    def _of_sku(self, sku: Sku, goods: Goods) -> Cells:
        values = sku.option_values if goods.option_names else ["Default Title"]
        return {
            **{column: self._sku_cell(name, getattr(sku, name)) for column, name in self._skus.items()},
            **{f"Option{number} Value": value for number, value in enumerate(values, start=1)},
        }

    def _sku_cell(self, name: str, value: Any) -> str:
        if name in _MONEY and value is not None:
            return plain_money(value, self._currency)
        if name in _WORDS:
            return _WORDS[name][value]
        # Shopify puts an apostrophe before codes; one that is a part of the code needs another.
        return f"'{value}" if name in {"code", "barcode"} and value.startswith("'") else write_cell(value)

    def _of_picture(self, picture: Picture) -> Cells:
        cells = {column: write_cell(getattr(picture, name)) for column, name in self._pictures.items()}
        return {**cells, "Image Src": picture.source_url or self._address(picture.url)}


def _max_options(goods: QuerySet[Goods]) -> int:
    names = Func("option_names", function="cardinality", output_field=IntegerField())
    return goods.order_by().aggregate(count=Max(names))["count"] or 0


def _fields(columns: Columns) -> dict[str, str]:
    return {column: name for column, (name, _) in columns.items()}


def _markup(text: str) -> str:
    return text if is_html(text) else html.escape(text, quote=False)


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    # Python quotes only its own line terminator; a lone `\r` ends lines elsewhere.
    csv.writer(line, lineterminator="\r\n").writerow([for_spreadsheet(cell) for cell in cells])
    return f"{line.getvalue()[:-2]}\n"
