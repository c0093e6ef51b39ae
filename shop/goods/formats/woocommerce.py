"""Reads the product CSV that WooCommerce exports (in English): variations stand in rows of their own, anywhere.

| column | what becomes of it |
|---|---|
| Type | simple, variable and variation are taken; grouped and external are left out |
| Name | name, and the handle |
| ID, SKU, Parent | which variations belong to which product |
| Published, Visibility in catalog | published, if 1 and not hidden |
| Description, else Short description | description |
| Regular price, Sale price, and its dates | price, and price before during a sale |
| Stock, In stock?, Backorders allowed? | stock, whether it is counted, and back orders |
| Categories | the first, by its last part (`Clothing > Shirts`) |
| Tags, Images, Brands, Weight (kg, g, lbs, oz) | tags, pictures, vendor, weight |
| Attribute N name, Attribute N value(s) | options, if a variation has a value for them |
| GTIN, UPC, EAN, or ISBN | barcode |
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date

from shop.goods.files.table import Record, Table
from shop.goods.formats.base import ProductReader
from shop.goods.formats.values import (
    BadCell,
    Changed,
    read_body,
    read_code,
    read_grams,
    read_option,
    read_stock,
    read_tags,
    read_title,
    rounded_grams,
    text_of,
)  # fmt: skip
from shop.goods.models import Category, Goods
from shop.goods.notes import Kind
from shop.goods.products import MAX_ROWS, Part, Product

_COLUMNS = [
    "ID", "Type", "SKU", "Name", "Published", "Visibility in catalog", "Description", "Short description",
    "Date sale price starts", "Date sale price ends", "In stock?", "Stock", "Backorders allowed?", "Sale price",
    "Regular price", "Categories", "Tags", "Images", "Parent", "Position", "Brands", "GTIN, UPC, EAN, or ISBN",
]  # fmt: skip
_ATTRIBUTE = re.compile(r"attribute ([0-9]{1,3}) (name|value\(s\))", re.IGNORECASE)
_WEIGHT = re.compile(r"weight \((kg|g|lbs|oz)\)", re.IGNORECASE)
_GRAMS = {"kg": Decimal(1000), "g": Decimal(1), "lbs": Decimal("453.59237"), "oz": Decimal("28.349523125")}
_COMMA = re.compile(r"(?<!\\),")
_NOT_SOLD_HERE = frozenset(["grouped", "external"])
_ANY = "Any"


class WooCommerceProducts(ProductReader):
    """The products in a table. All of it is read before the first is given, since variations may stand anywhere."""

    name = "WooCommerce"

    def __init__(self, table: Table, currency: str) -> None:
        super().__init__(table, currency)
        self._rows = _Rows()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._rows.close()

    @staticmethod
    def fits(columns: frozenset[str]) -> bool:
        """Tell whether a header, in lower case, is of this kind."""
        return {"type", "name"} <= columns and bool({"regular price", "attribute 1 name", "is featured?"} & columns)

    def columns(self, header: list[str]) -> Mapping[str, str]:
        self._attributes = sorted({int(found[1]) for name in header if (found := _ATTRIBUTE.fullmatch(name))})
        self._unit = next((found[1].lower() for name in header if (found := _WEIGHT.fullmatch(name))), "kg")
        given = {name: name.lower() for name in header if _ATTRIBUTE.fullmatch(name)}
        return {
            **{column: column for column in _COLUMNS},
            "Visibility in catalogue": "Visibility in catalog",
            f"Weight ({self._unit})": "Weight",
            **given,
        }

    def read(self) -> Iterator[Product]:
        for record in self._table:
            self._rows.add(record, is_variation="variation" in _types(record))
        for record in self._rows.products():
            try:
                product = self._read(record)
            except BadCell as bad:
                self.wrong(record, bad)
            else:
                if product and product.skus:
                    yield product
        for line in self._rows.lines_left():
            self.notes.add(Kind.NO_PARENT, line)

    def _read(self, record: Record) -> Product | None:
        cells = record.cells
        variations = list(self._rows.variations_of(record))
        if len(variations) > MAX_ROWS:
            raise BadCell("Parent", f"the product has more than {MAX_ROWS} variations.")
        if _types(record) & _NOT_SOLD_HERE:
            self.notes.add(Kind.LEFT_OUT_TYPE, record.line)
            return None
        name = self.value(record, "Name", read_title)
        fields = {
            "name": name,
            "description": self._description(record),
            "vendor": self.value(record, "Brands", text_of(Goods, "vendor")),
            "tags": self.value(record, "Tags", read_tags),
            "is_published": cells.get("Published", "1") in {"1", ""}
            and cells.get("Visibility in catalog", "").lower() != "hidden",
        }
        if not fields["is_published"]:
            self.notes.add(Kind.NOT_PUBLISHED, record.line)
        own = cells.get("SKU") or cells.get("ID", "")
        product = Product(record.line, self.slug(record, name, own), fields, self._category(record))
        names = self._option_names(record, variations)
        fields["option_names"] = [name for _, name in names]
        if variations:
            for variation in variations:
                self._add_variation(product, variation, record, names)
        elif sku := self._sku(record, record):
            product.skus[()] = Part(record.line, {**sku, "option_values": []})
        addresses = [one.strip() for one in cells.get("Images", "").split(",") if one.strip()]
        self.add_pictures(product, addresses)
        return product

    def _description(self, record: Record) -> str:
        long, short = (_with_line_breaks(record.cells.get(name, "")) for name in ("Description", "Short description"))
        if long and short:
            self.notes.add(Kind.SHORT_TEXT, record.line)
        text: str = self.value(Record(record.line, {"Description": long or short}), "Description", read_body)
        return text

    def _category(self, record: Record) -> str | None:
        if "Categories" not in record.cells:
            return None
        paths = [path.replace("\\,", ",").strip() for path in _COMMA.split(record.cells["Categories"])]
        if len(paths) > 1:
            self.notes.add(Kind.MORE_CATEGORIES, record.line)
        return paths[0].rsplit(">", 1)[-1].strip()[: Category._meta.get_field("name").max_length]

    def _option_names(self, record: Record, variations: list[Record]) -> list[tuple[int, str]]:
        """Return the attributes in which variations differ: others say something about the product alone."""
        names = {}
        for number in self._attributes:
            name = record.cells.get(f"attribute {number} name", "")
            if name and any(_value(variation, name, self._attributes) for variation in variations):
                names[name] = number
        return [(number, self._option(record, name)) for name, number in names.items()]

    def _add_variation(self, product: Product, variation: Record, parent: Record, names: list[tuple[int, str]]) -> None:
        fields = self._sku(variation, parent)
        if fields is None:
            return
        values = []
        for _, name in names:
            value = _value(variation, name, self._attributes)
            if not value:
                self.notes.add(Kind.ANY_VALUE, variation.line)
            values.append(self._option(variation, value or _ANY))
        if tuple(values) in product.skus:
            self.notes.add(Kind.ALIKE_SKU, variation.line)
            return
        product.skus[tuple(values)] = Part(variation.line, {**fields, "option_values": values})

    def _option(self, record: Record, text: str) -> str:
        value: str = self.value(Record(record.line, {"Attribute": text.replace("\\,", ",")}), "Attribute", read_option)
        return value

    def _sku(self, record: Record, parent: Record) -> dict[str, Any] | None:
        """Return the fields of a sku, None if it has no price; what a variation leaves open its parent says."""
        regular, sale = self.price(record, "Regular price"), self.price(record, "Sale price")
        if sale is not None and not _is_on_sale(record):
            sale = None
        price = regular if sale is None else sale
        if price is None:
            self.notes.add(Kind.NO_PRICE, record.line)
            return None
        weighed = record if record.cells.get("Weight") else parent
        weight = {"weight_grams": self.value(weighed, "Weight", self._grams)} if weighed.cells.get("Weight") else {}
        return {
            "price": price,
            "compare_at_price": regular if regular is not None and regular > price else None,
            "barcode": self.value(record, "GTIN, UPC, EAN, or ISBN", read_code),
            **self.code(record, self.value(record, "SKU", read_code)),
            **self._stock(record, parent),
            **weight,
        }

    def _stock(self, record: Record, parent: Record) -> dict[str, int | bool]:
        stock, counted = record.cells.get("Stock", ""), record
        # "parent", or nothing where the product counts for all of its variations.
        if stock.lower() == "parent" or (not stock and record is not parent and parent.cells.get("Stock")):
            self.notes.add(Kind.SHARED_STOCK, record.line)
            stock, counted = parent.cells.get("Stock", ""), parent
        backorders = record.cells.get("Backorders allowed?", "").lower() in {"1", "notify", "yes"}
        if not stock:
            is_there = record.cells.get("In stock?", "1").lower() in {"1", "", "backorder"}
            return {"track_stock": False} if is_there else {"track_stock": True, "stock": 0, "allow_backorders": False}
        # WooCommerce counts in fractions for some; there are no halves of a piece here.
        number = self.value(counted, "Stock", lambda text: read_stock(text.split(".")[0]))
        return {"track_stock": True, "stock": number, "allow_backorders": backorders}

    def _grams(self, text: str) -> int | Changed:
        read_grams(text)  # which knows what is a number
        return rounded_grams(Decimal(text.replace(",", ".")) * _GRAMS[self._unit])


class _Rows:
    """All rows, in a temporary file, so that long tables do not fill the memory."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(
            "CREATE TABLE product (line INTEGER PRIMARY KEY, cells TEXT);"
            "CREATE TABLE variation (line INTEGER PRIMARY KEY, parent TEXT, position INTEGER, cells TEXT,"
            " is_left INTEGER DEFAULT 1);"
            "CREATE INDEX by_parent ON variation (parent, position, line);"
        )

    def add(self, record: Record, *, is_variation: bool) -> None:
        cells = json.dumps(record.cells)
        if not is_variation:
            self._database.execute("INSERT INTO product VALUES (?, ?)", (record.line, cells))
            return
        position = record.cells.get("Position", "")
        place = int(position) if position.isascii() and position.isdigit() and len(position) < 10 else 0
        self._database.execute(
            "INSERT INTO variation (line, parent, position, cells) VALUES (?, ?, ?, ?)",
            (record.line, record.cells.get("Parent", ""), place, cells),
        )

    def products(self) -> Iterator[Record]:
        for line, cells in self._database.execute("SELECT line, cells FROM product ORDER BY line"):
            yield Record(line, json.loads(cells))

    def variations_of(self, product: Record) -> Iterator[Record]:
        names = [f"id:{product.cells['ID']}"] if product.cells.get("ID") else []
        names += [product.cells["SKU"]] if product.cells.get("SKU") else []
        where = f"parent IN ({', '.join('?' * len(names))})"
        self._database.execute(f"UPDATE variation SET is_left = 0 WHERE {where}", names)  # noqa: S608 - marks alone
        query = f"SELECT line, cells FROM variation WHERE {where} ORDER BY position, line LIMIT {MAX_ROWS + 1}"  # noqa: S608
        for line, cells in self._database.execute(query, names).fetchall():
            yield Record(line, json.loads(cells))

    def lines_left(self) -> Iterator[int]:
        for (line,) in self._database.execute("SELECT line FROM variation WHERE is_left ORDER BY line"):
            yield line

    def close(self) -> None:
        self._database.close()


def _types(record: Record) -> set[str]:
    return {part.strip().lower() for part in record.cells.get("Type", "").split(",")}


def _value(variation: Record, name: str, numbers: list[int]) -> str:
    """Return a variation's value of an attribute, which may have another number there than in its product."""
    for number in numbers:
        if variation.cells.get(f"attribute {number} name", "") == name:
            return variation.cells.get(f"attribute {number} value(s)", "")
    return ""


def _with_line_breaks(text: str) -> str:
    r"""Return a text in which WooCommerce has written `\n` for the end of a line."""
    return "\\n".join(part.replace("\\n", "\n") for part in text.split("\\\\n"))


def _is_on_sale(record: Record) -> bool:
    today = timezone.localdate()
    starts, ends = (_day(record.cells.get(f"Date sale price {end}", "")) for end in ("starts", "ends"))
    return not (starts and starts > today) and not (ends and ends < today)


def _day(text: str) -> date | None:
    try:
        return parse_date(text[:10])
    except ValueError:
        return None
