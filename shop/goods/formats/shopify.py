"""The product CSV of Shopify, which our export writes too, and Shopify's inventory CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from shop.goods.csv_cells import Columns
from shop.goods.errors import ImportRefused, Problem
from shop.goods.files.table import Record, Table
from shop.goods.formats.base import ProductReader
from shop.goods.formats.cell_errors import BadCell
from shop.goods.formats.columns import (
    CATEGORY_COLUMNS,
    GOODS_COLUMNS,
    KEPT_WHEN_EMPTY,
    LOCATION,
    MAX_OPTIONS,
    PICTURE_COLUMNS,
    PUBLISHED_COLUMNS,
    TAXONOMY,
    names_of_columns,
    option_columns,
    own_goods_columns,
    own_sku_columns,
    sku_columns,
)
from shop.goods.formats.numbers import read_stock
from shop.goods.formats.values import max_length_of, read_handle, read_option
from shop.goods.models import Category
from shop.goods.notes import Kind
from shop.goods.products import MAX_ROWS, Part, Product, SkuKey

_NO_OPTIONS = ("Title", "Default Title")
"""Shopify's name and value of the option of a product without options."""
_NOT_STOCKED = frozenset(["not stocked", "stocked"])
"""Texts of the inventory CSV instead of a number."""


class ShopifyProducts(ProductReader):
    name = "Shopify"

    def __init__(self, table: Table, currency: str) -> None:
        self._goods_columns = {**GOODS_COLUMNS, **own_goods_columns()}
        self._sku_columns = {**sku_columns(currency), **own_sku_columns()}
        super().__init__(table, currency)
        if "Handle" not in table.columns:
            raise ImportRefused([Problem(line=table.header_line, reason="the column 'Handle' is missing.")])
        numbers = range(1, MAX_OPTIONS + 1)
        self._options = [option_columns(number) for number in numbers if option_columns(number)[1] in table.columns]
        self._has_names = any(name in table.columns for name, _ in self._options)
        self._sums_up = LOCATION in table.columns

    def columns(self, header: list[str]) -> Mapping[str, str]:
        return names_of_columns(header, {**self._goods_columns, **self._sku_columns})

    def __iter__(self) -> Iterator[Product]:
        for _, rows in groupby(self._table, key=lambda record: record.cells["Handle"]):
            before = self.problems.total
            product = self._read_product(rows)
            if product and self.problems.total == before:
                yield product

    def _read_product(self, rows: Iterator[Record]) -> Product | None:
        product = None
        for count, row in enumerate(rows, start=1):
            try:
                if count == 1:
                    product = self._read_first_row(row)
                if count > MAX_ROWS:
                    raise BadCell("Handle", f"the product has more than {MAX_ROWS} rows.")
                if product:
                    self._read_parts(product, row)
            except BadCell as bad:
                self.wrong(row, bad)
                if count > MAX_ROWS:
                    break  # `groupby` skips the others
        return product

    def _read(self, row: Record, columns: Columns) -> dict[str, Any]:
        return self.values(row, columns, KEPT_WHEN_EMPTY)

    def _read_first_row(self, row: Record) -> Product:
        slug = self.value(row, "Handle", read_handle)
        first_line = self._seen.first_line("handle", slug, row.line)
        if first_line != row.line:
            raise BadCell("Handle", f"{slug!r} is already on line {first_line}. Put all rows of a product together.")
        fields = self._read(row, self._goods_columns)
        if published := self._read(row, PUBLISHED_COLUMNS):
            fields["is_published"] = all(published.values())
            if not fields["is_published"]:
                self.notes.add(Kind.NOT_PUBLISHED, row.line)
        if self._has_names:
            fields["option_names"] = self._option_names(row)
        return Product(row.line, slug, fields, self._category(row))

    def _category(self, row: Record) -> str | None:
        name: str | None = self._read(row, CATEGORY_COLUMNS).get("name")
        # "Apparel & Accessories > Clothing > Shirts": the last part is what a shop would call it.
        if not name and (path := row.cells.get(TAXONOMY)):
            self.notes.add(Kind.TAXONOMY_CATEGORY, row.line)
            name = path.rsplit(">", 1)[-1].strip()[: max_length_of(Category, "name")]
        return name

    def _read_parts(self, product: Product, row: Record) -> None:
        is_sku = row.line == product.line or any(row.cells.get(column) for column in self._sku_columns)
        has_picture = bool(row.cells.get("Image Src"))
        if is_sku or any(row.cells.get(value) for _, value in self._options):
            self._read_sku(product, row)
        elif not has_picture:
            raise BadCell("Variant Price", "the row has neither a price nor an image.")
        if has_picture:
            fields = self._read(row, PICTURE_COLUMNS)
            product.pictures.setdefault(fields["source_url"], Part(row.line, fields))

    def _read_sku(self, product: Product, row: Record) -> None:
        if self._sums_up and row.cells.get("Variant Inventory Qty", "").lower() in _NOT_STOCKED:
            row.cells["Variant Inventory Qty"] = ""
        fields = self._read(row, self._sku_columns)
        key: SkuKey
        if self._options:
            fields["option_values"] = self._option_values(row, product.fields.get("option_names"))
            key = tuple(fields["option_values"])
        else:
            key = ("", fields.get("code", ""))
        if other := product.skus.get(key):
            if not self._sums_up:
                raise BadCell("Option1 Value", f"the variant on line {other.line} has the same options.")
            self._add_up(other, fields, row)
            return
        if "code" in fields:
            fields |= self.code(row, fields.pop("code"))
        product.skus[key] = Part(row.line, fields)

    def _add_up(self, part: Part, fields: dict[str, Any], row: Record) -> None:
        """Add the stock at another location."""
        if "stock" in fields:
            total = part.fields.get("stock", 0) + fields["stock"]
            try:
                part.fields["stock"] = read_stock(str(total))
            except ValueError as error:
                raise BadCell("Variant Inventory Qty", str(error)) from error
        self.notes.add(Kind.SUMMED_STOCK, row.line)

    def _option_names(self, row: Record) -> list[str]:
        if tuple(row.cells.get(column, "") for column in self._options[0]) == _NO_OPTIONS:
            return []
        names = [self.value(row, column, read_option) for column, _ in self._options]
        given = [name for name in names if name]
        if names[: len(given)] != given:
            raise BadCell(self._options[names.index("")][0], "the name is empty, but a later option has one.")
        return given

    def _option_values(self, row: Record, names: list[str] | None) -> list[str]:
        values: list[str] = []
        if names is None:  # the file has no columns for names: the shop has them
            given = [row.cells.get(column, "") for _, column in self._options]
            return [value for value in given if value and value != _NO_OPTIONS[1]]
        for number, (_, column) in enumerate(self._options):
            value = self.value(row, column, read_option)
            if number < len(names):
                if not value:
                    raise BadCell(column, f"the value is empty, but the product has the option {names[number]!r}.")
                values.append(value)
            elif value and value != _NO_OPTIONS[1]:
                raise BadCell(column, f"{value!r} belongs to an option without a name on the product's first row.")
        return values
