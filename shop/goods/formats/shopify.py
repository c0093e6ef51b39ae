"""Reads the product CSV that Shopify exports, product by product, and collects what is wrong with it.

A shop may have columns of its own beside Shopify's (`goods.services.csv_columns`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, BinaryIO, Self

from shop.goods.csv_records import CsvRecords, Record
from shop.goods.errors import ImportRefused, Problem
from shop.goods.shopify_cells import (
    CATEGORY_COLUMNS,
    GOODS_COLUMNS,
    PICTURE_COLUMNS,
    BadCell,
    read_cells,
    read_handle,
    read_option,
    read_published,
    read_status,
    sku_columns,
)
from tenants.variants import resolve

REQUIRED_COLUMNS = frozenset(["Handle", "Title", "Variant Price"])
_OPTIONS = [(f"Option{number} Name", f"Option{number} Value") for number in (1, 2, 3)]
_NO_OPTIONS = ("Title", "Default Title")
"""What Shopify writes for a product that comes in one kind alone."""
_PUBLISHED = {"Published": read_published, "Status": read_status}

_MAX_ROWS_OF_PRODUCT = 5000
"""The rows of one product are in memory at once. Shopify's own limits are 2048 variants and 250 pictures."""
_MAX_PROBLEMS = 20


@dataclass(slots=True)
class Part:
    """A sku or a picture of a product: its line in the file, and the fields that the file fills."""

    line: int
    fields: dict[str, Any]


@dataclass(slots=True)
class Product:
    """A product: its line in the file, and the fields that the file fills; others are to stay as they are."""

    line: int
    slug: str
    fields: dict[str, Any]
    category: str | None
    """The name of its category; empty for none, None if the file has no such column."""
    skus: dict[tuple[str, ...], Part] = field(default_factory=dict)
    """By option values."""
    pictures: dict[str, Part] = field(default_factory=dict)
    """By address."""


class ShopifyCsv:
    """The products in a file, to be iterated once, inside a `with` block.

    A product that is wrong is not yielded; what is wrong is in `problems` afterwards. `ImportRefused` is raised
    at once if the file is no such CSV, and when there are so many problems that more would help nobody.
    """

    def __init__(self, source: BinaryIO, currency: str) -> None:
        own = resolve("goods.services.csv_columns")
        self._goods_columns = {**GOODS_COLUMNS, **own.goods_columns()}
        self._sku_columns = {**sku_columns(currency), **own.sku_columns()}
        of_options = [column for pair in _OPTIONS for column in pair]
        known = {"Handle", *of_options, *_PUBLISHED, *self._goods_columns, *CATEGORY_COLUMNS, *PICTURE_COLUMNS}
        self.records = CsvRecords(source, required=REQUIRED_COLUMNS, known=frozenset(known | self._sku_columns.keys()))
        self.problems: list[Problem] = []
        self._seen = Seen()

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""
        return self.records.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()

    def __iter__(self) -> Iterator[Product]:
        for _, rows in groupby(self.records, key=_handle):
            before = len(self.problems)
            product = self._read_product(rows)
            if product and len(self.problems) == before:
                yield product

    def _read_product(self, rows: Iterator[Record]) -> Product | None:
        product = None
        for count, row in enumerate(rows, start=1):
            try:
                if count == 1:
                    product = self._read_first_row(row)
                if count > _MAX_ROWS_OF_PRODUCT:
                    raise BadCell("Handle", f"the product has more than {_MAX_ROWS_OF_PRODUCT} rows.")
                if product:
                    self._read_parts(product, row)
            except BadCell as bad:
                self._note(row, bad)
        return product

    def _note(self, row: Record, bad: BadCell) -> None:
        self.problems.append(Problem(line=row.line, column=bad.column, reason=bad.reason))
        if len(self.problems) >= _MAX_PROBLEMS:
            raise ImportRefused([*self.problems, Problem(reason="There may be more; the rest was not read.")])

    def _read_first_row(self, row: Record) -> Product:
        slug = read_cells(row.cells, {"Handle": ("slug", read_handle)})["slug"]
        first_line = self._seen.first_line("handle", slug, row.line)
        if first_line != row.line:
            raise BadCell("Handle", f"{slug!r} is on line {first_line} already. Rows of one product must be together.")
        fields = read_cells(row.cells, self._goods_columns)
        published = [read_cells(row.cells, {column: (column, read)}) for column, read in _PUBLISHED.items()]
        fields["is_published"] = all(value for answer in published for value in answer.values())
        fields["option_names"] = _option_names(row)
        category = read_cells(row.cells, CATEGORY_COLUMNS).get("name")
        if not category and "tags" in fields:
            category = next(iter(fields["tags"]), "")
        return Product(row.line, slug, fields, category)

    def _read_parts(self, product: Product, row: Record) -> None:
        is_sku = row.line == product.line or any(row.cells.get(column) for column in self._sku_columns)
        has_picture = bool(row.cells.get("Image Src"))
        if is_sku or any(row.cells.get(value) for _, value in _OPTIONS):
            self._read_sku(product, row)
        elif not has_picture:
            raise BadCell("Variant Price", "the row has neither a price nor a picture.")
        if has_picture:
            fields = read_cells(row.cells, PICTURE_COLUMNS)
            product.pictures.setdefault(fields["source_url"], Part(row.line, fields))

    def _read_sku(self, product: Product, row: Record) -> None:
        fields = read_cells(row.cells, self._sku_columns)
        values = _option_values(row, product.fields["option_names"])
        fields |= {"option_values": values, "position": len(product.skus) + 1}
        if other := product.skus.get(tuple(values)):
            raise BadCell("Option1 Value", f"the sku on line {other.line} has the same options.")
        if code := fields.get("code"):
            first_line = self._seen.first_line("code", code, row.line)
            if first_line != row.line:
                raise BadCell("Variant SKU", f"the sku on line {first_line} has the code {code!r} already.")
        product.skus[tuple(values)] = Part(row.line, fields)


class Seen:
    """Where a handle or a code stood first. Kept in a temporary file, so that long files do not fill the memory."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.execute(
            "CREATE TABLE seen (kind TEXT, name TEXT, line INTEGER, PRIMARY KEY (kind, name)) WITHOUT ROWID"
        )

    def first_line(self, kind: str, name: str, line: int) -> int:
        if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (kind, name, line)).rowcount:
            return line
        where = "SELECT line FROM seen WHERE kind = ? AND name = ?"
        return int(self._database.execute(where, (kind, name)).fetchone()[0])

    def close(self) -> None:
        self._database.close()


def _handle(record: Record) -> str:
    return record.cells["Handle"]


def _option_names(row: Record) -> list[str]:
    if tuple(row.cells.get(column, "") for column in _OPTIONS[0]) == _NO_OPTIONS:
        return []
    names = [read_cells(row.cells, {column: ("name", read_option)}).get("name", "") for column, _ in _OPTIONS]
    given = [name for name in names if name]
    if names[: len(given)] != given:
        raise BadCell(_OPTIONS[names.index("")][0], "the name is empty, but an option after it has one.")
    return given


def _option_values(row: Record, names: list[str]) -> list[str]:
    values = []
    for number, (_, column) in enumerate(_OPTIONS):
        value = read_cells(row.cells, {column: ("value", read_option)}).get("value", "")
        if number < len(names):
            if not value:
                raise BadCell(column, f"the value is empty, but the product has the option {names[number]!r}.")
            values.append(value)
        elif value and value != _NO_OPTIONS[1]:
            raise BadCell(column, f"{value!r} is the value of an option that has no name on the product's first row.")
    return values
