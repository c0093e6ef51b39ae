"""The columns that a shop's CSV of goods has beside Shopify's. The active shop's own: `goods.services.csv_columns`."""

from __future__ import annotations

from shop.goods.csv_cells import Columns


def goods_columns() -> Columns:
    """Return the columns of goods, filled on the first row of each."""
    return {}


def sku_columns() -> Columns:
    """Return the columns of skus, filled on the row of each."""
    return {}
