"""A grocer's columns in its CSV of goods."""

from __future__ import annotations

from shop.goods.csv_cells import Columns, columns_of
from shop.variants.grocer.models import Goods, Sku


def goods_columns() -> Columns:
    """Return the columns of goods, filled on the first row of each."""
    return columns_of(Goods, sold_by_weight="Sold By Weight")


def sku_columns() -> Columns:
    """Return the columns of skus, filled on the row of each."""
    return columns_of(Sku, best_before="Best Before")
