"""Recognizes the kind of a product file by its columns."""

from __future__ import annotations

from shop.goods.errors import ImportRefused, Problem
from shop.goods.files.table import Table
from shop.goods.files.text import Source
from shop.goods.formats.cafe24 import Cafe24Products
from shop.goods.formats.shopify import ShopifyProducts
from shop.goods.formats.woocommerce import WooCommerceProducts
from shop.goods.products import ProductFile

_INSTEAD = (
    "Export the products as a Shopify CSV, which many tools write, or rename the columns: Handle, Title, Body (HTML), "
    "Option1 Name, Option1 Value, Variant SKU, Variant Price, Variant Inventory Qty, Image Src. All of them are in "
    "docs/imports.md."
)
_FOREIGN: list[tuple[str, frozenset[str]]] = [
    ("an export of Shopify's orders", frozenset(["name", "financial status"])),
    ("an export of Shopify's customers", frozenset(["first name", "last name", "total spent"])),
    ("a product file of Etsy", frozenset(["title", "price", "currency_code"])),
    ("a product file of Square", frozenset(["item name", "variation name"])),
    ("a product file of Wix", frozenset(["handleid", "fieldtype"])),
    ("a product file of Squarespace", frozenset(["product id [non editable]"])),
    ("a product file of Magento", frozenset(["sku", "attribute_set_code"])),
    ("a product file of BigCommerce", frozenset(["item type", "product name"])),
    ("a product file of PrestaShop", frozenset(["reference #", "price tax included"])),
    ("a product file of Amazon", frozenset(["item_sku"])),
    ("a product file of Amazon", frozenset(["seller-sku", "asin1"])),
    ("a product file of eBay", frozenset(["*title", "*startprice"])),
    ("a product file of Naver Smart Store", frozenset(["판매자 상품코드", "상품명"])),
    ("a product file of Naver Smart Store", frozenset(["상품번호(스마트스토어)"])),
    ("a product file of Naver Smart Store", frozenset(["판매자상품코드", "상품명"])),
]


def open_products(source: Source, currency: str) -> ProductFile:
    """Return the products in a file; raise `ImportRefused` for an unsupported kind."""
    table = Table(source)
    names = frozenset(name.lower() for name in table.header)
    if {"handle", "url handle"} & names:
        return ShopifyProducts(table, currency)
    if WooCommerceProducts.fits(names):
        return WooCommerceProducts(table, currency)
    if Cafe24Products.fits(names):
        return Cafe24Products(table, currency)
    for kind, columns in _FOREIGN:
        if columns <= names:
            raise _refused(table, f"this is {kind}, which is not supported. {_INSTEAD}")
    raise _refused(table, f"the column 'Handle' is missing, and this is no WooCommerce or Cafe24 file. {_INSTEAD}")


def _refused(table: Table, reason: str) -> ImportRefused:
    return ImportRefused([Problem(line=table.header_line, reason=reason)])
