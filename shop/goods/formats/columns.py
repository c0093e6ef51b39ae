"""The columns of Shopify's product CSV, by their older and newer names, and a shop's own columns.

Our export writes the older names. A variant can add columns (`goods.services.csv_columns`).
"""

from __future__ import annotations

from functools import partial

from shop.goods.csv_cells import Columns, added_columns
from shop.goods.formats.numbers import read_count, read_grams, read_price, read_price_before, read_stock
from shop.goods.formats.values import (
    read_address,
    read_body,
    read_code,
    read_policy,
    read_published,
    read_status,
    read_tags,
    read_title,
    text_of,
)
from shop.goods.models import Category, Goods, Picture, Sku
from shop.goods.services import csv_columns
from tenants.variants import resolve

MAX_OPTIONS = 20
"""Maximum for one product. Shopify allows 3, our API 10."""

GOODS_COLUMNS: Columns = {
    "Title": ("name", read_title),
    "Body (HTML)": ("description", read_body),
    "Vendor": ("vendor", text_of(Goods, "vendor")),
    "Tags": ("tags", read_tags),
}
CATEGORY_COLUMNS: Columns = {"Type": ("name", text_of(Category, "name"))}
TAXONOMY = "Product Category"
PUBLISHED_COLUMNS: Columns = {"Published": ("published", read_published), "Status": ("status", read_status)}
PICTURE_COLUMNS: Columns = {
    "Image Src": ("source_url", read_address),
    "Image Position": ("position", read_count),
    "Image Alt Text": ("alt", text_of(Picture, "alt")),
}
LOCATION = "Location"
"""A column of Shopify's inventory CSV, which has a row for each location of a SKU."""

KEPT_WHEN_EMPTY = frozenset(["Variant Inventory Qty", "Variant Inventory Policy", "Variant Grams", "Image Position"])
"""Columns whose empty cells leave the field as it is."""

_OTHER_NAMES = {
    "url handle": "Handle",
    "description": "Body (HTML)",
    "body html": "Body (HTML)",
    "published on online store": "Published",
    "sku": "Variant SKU",
    "barcode": "Variant Barcode",
    "price": "Variant Price",
    "compare-at price": "Variant Compare At Price",
    "inventory tracker": "Variant Inventory Tracker",
    "inventory quantity": "Variant Inventory Qty",
    "continue selling when out of stock": "Variant Inventory Policy",
    "weight value (grams)": "Variant Grams",
    "product image url": "Image Src",
}
_QUANTITIES_OF_INVENTORY = (
    "on hand (new)", "available", "available (not editable)", "on hand (current)", "on hand",
)  # fmt: skip
"""Columns of the inventory CSV with the stock. The first that the file has counts."""


def sku_columns(currency: str) -> Columns:
    return {
        "Variant SKU": ("code", read_code),
        "Variant Price": ("price", partial(read_price, currency=currency)),
        "Variant Compare At Price": ("compare_at_price", partial(read_price_before, currency=currency)),
        "Variant Inventory Tracker": ("track_stock", bool),
        "Variant Inventory Qty": ("stock", read_stock),
        "Variant Inventory Policy": ("allow_backorders", read_policy),
        "Variant Grams": ("weight_grams", read_grams),
        "Variant Barcode": ("barcode", read_code),
    }


def own_goods_columns() -> Columns:
    """Return the columns of goods that the shop's variant adds."""
    declared = resolve(csv_columns).goods_columns()
    return {**declared, **added_columns(resolve(Goods), Goods, declared)}


def own_sku_columns() -> Columns:
    """Return the columns of SKUs that the shop's variant adds."""
    declared = resolve(csv_columns).sku_columns()
    return {**declared, **added_columns(resolve(Sku), Sku, declared)}


def option_columns(number: int) -> tuple[str, str]:
    return f"Option{number} Name", f"Option{number} Value"


def names_of_columns(header: list[str], known: Columns) -> dict[str, str]:
    """Return the column for each name, in lower case, that a header can have."""
    options = {name.lower(): name for number in range(1, MAX_OPTIONS + 1) for name in option_columns(number)}
    fixed = ["Handle", TAXONOMY, LOCATION, *PUBLISHED_COLUMNS, *CATEGORY_COLUMNS, *PICTURE_COLUMNS]
    names = {**_OTHER_NAMES, **options, **{name.lower(): name for name in [*fixed, *known]}}
    given = [name.lower() for name in header]
    if "location" in given:
        quantity = next((name for name in _QUANTITIES_OF_INVENTORY if name in given), "")
        return {**names, quantity: "Variant Inventory Qty"} if quantity else names
    return {name: column for name, column in names.items() if column != LOCATION}
