"""Columns that a shop's CSV of goods has besides Shopify's. A variant can replace this module."""

from __future__ import annotations

from shop.goods.csv_cells import Columns


def goods_columns() -> Columns:
    """Return the columns of goods, filled on the first row of each."""
    return {}


def sku_columns() -> Columns:
    """Return the columns of SKUs, filled on the row of each."""
    return {}
