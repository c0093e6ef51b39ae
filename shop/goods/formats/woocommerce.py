"""The product CSV of WooCommerce (in English): variations have rows of their own, anywhere in the file.

| column | becomes |
|---|---|
| Type | simple, variable and variation are imported; grouped and external are left out |
| Name | name and handle |
| ID, SKU, Parent | which variations belong to which product |
| Published, Visibility in catalog | published, if 1 and not hidden |
| Description, else Short description | description |
| Regular price, Sale price and its dates | price, and compare-at price during a sale |
| Stock, In stock?, Backorders allowed? | stock, whether it is tracked, and back orders |
| Categories | the first, by its last part (`Clothing > Shirts`) |
| Tags, Images, Brands, Weight (kg, g, lbs, oz) | tags, pictures, vendor, weight |
| Attribute N name, Attribute N value(s) | options, if a variation has a value for them |
| GTIN, UPC, EAN, or ISBN | barcode |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date

from shop.goods.files.table import Record, Table
from shop.goods.formats.base import MappedProducts
from shop.goods.formats.cell_errors import BadCell
from shop.goods.formats.numbers import read_grams, read_stock
from shop.goods.formats.values import max_length_of, read_body, read_code, read_option, read_tags, read_title, text_of
from shop.goods.formats.woocommerce_rows import Rows
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
_UNSUPPORTED = frozenset(["grouped", "external"])
_ANY = "Any"


class WooCommerceProducts(MappedProducts):
    """The products in a table, which is read completely before the first product."""

    name = "WooCommerce"

    def __init__(self, table: Table, currency: str) -> None:
        super().__init__(table, currency)
        self._rows = Rows()

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

    def products(self) -> Iterator[tuple[Record, Callable[[], Product | None]]]:
        for record in self._table:
            self._rows.add(record, is_variation="variation" in _types(record))
        for record in self._rows.products():
            yield record, partial(self._read, record)
        for line in self._rows.lines_left():
            self.notes.add(Kind.NO_PARENT, line)

    def _read(self, record: Record) -> Product | None:
        cells = record.cells
        variations = list(self._rows.variations_of(record))
        if len(variations) > MAX_ROWS:
            raise BadCell("Parent", f"the product has more than {MAX_ROWS} variations.")
        if _types(record) & _UNSUPPORTED:
            self.notes.add(Kind.LEFT_OUT_TYPE, record.line)
            return None
        name = self.value(record, "Name", read_title)
        is_visible = cells.get("Visibility in catalog", "").lower() != "hidden"
        fields = {
            "name": name,
            "description": self._description(record),
            "vendor": self.value(record, "Brands", text_of(Goods, "vendor")),
            "tags": self.value(record, "Tags", read_tags),
            "is_published": self.is_published(record, cells.get("Published", "1") in {"1", ""}, is_visible),
        }
        own = cells.get("SKU") or cells.get("ID", "")
        product = Product(record.line, self.slug(record, name, own), fields, self._category(record))
        names = self._option_names(record, variations)
        fields["option_names"] = [name for _, name in names]
        if variations:
            for variation in variations:
                self._add_variation(product, variation, record, names)
        elif sku := self._sku(record, record):
            product.skus[()] = Part(record.line, {**sku, "option_values": []})
        self.add_pictures(product, cells.get("Images", "").split(","))
        return product

    def _description(self, record: Record) -> str:
        long, short = (_with_line_breaks(record.cells.get(name, "")) for name in ("Description", "Short description"))
        if long and short:
            self.notes.add(Kind.SHORT_TEXT, record.line)
        return self.text(record, "Description", long or short, read_body)

    def _category(self, record: Record) -> str | None:
        if "Categories" not in record.cells:
            return None
        paths = [path.replace("\\,", ",").strip() for path in _COMMA.split(record.cells["Categories"])]
        if len(paths) > 1:
            self.notes.add(Kind.MORE_CATEGORIES, record.line)
        return paths[0].rsplit(">", 1)[-1].strip()[: max_length_of(Category, "name")]

    def _option_names(self, record: Record, variations: list[Record]) -> list[tuple[int, str]]:
        """Return the attributes in which variations differ. Others describe the product."""
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
        return self.text(record, "Attribute", text.replace("\\,", ","), read_option)

    def _sku(self, record: Record, parent: Record) -> dict[str, Any] | None:
        """Return the fields of a SKU, None without a price. A variation inherits what its parent has."""
        regular, sale = self.price(record, "Regular price"), self.price(record, "Sale price")
        if sale is not None and not _is_on_sale(record):
            sale = None
        price = regular if sale is None else sale
        if price is None:
            self.notes.add(Kind.NO_PRICE, record.line)
            return None
        weighed = record if record.cells.get("Weight") else parent
        read_weight = partial(read_grams, unit=_GRAMS[self._unit])
        weight = {"weight_grams": self.value(weighed, "Weight", read_weight)} if weighed.cells.get("Weight") else {}
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
        # "parent", or empty where the product tracks stock for all of its variations.
        if stock.lower() == "parent" or (not stock and record is not parent and parent.cells.get("Stock")):
            self.notes.add(Kind.SHARED_STOCK, record.line)
            stock, counted = parent.cells.get("Stock", ""), parent
        backorders = record.cells.get("Backorders allowed?", "").lower() in {"1", "notify", "yes"}
        if not stock:
            is_there = record.cells.get("In stock?", "1").lower() in {"1", "", "backorder"}
            return {"track_stock": False} if is_there else {"track_stock": True, "stock": 0, "allow_backorders": False}
        # WooCommerce can track fractions; the shop cannot.
        number = self.value(counted, "Stock", lambda text: read_stock(text.split(".")[0]))
        return {"track_stock": True, "stock": number, "allow_backorders": backorders}


def _types(record: Record) -> set[str]:
    return {part.strip().lower() for part in record.cells.get("Type", "").split(",")}


def _value(variation: Record, name: str, numbers: list[int]) -> str:
    """Return a variation's value of an attribute, whose number may differ from that of the product."""
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
