"""A grocer's columns in the CSV of goods."""

from __future__ import annotations

from shop.goods.csv_cells import Columns, columns_of
from shop.variants.grocer.models import Goods, Sku


def goods_columns() -> Columns:
    return columns_of(Goods, sold_by_weight="Sold By Weight")


def sku_columns() -> Columns:
    return columns_of(Sku, best_before="Best Before")
