"""Customer A's columns in the CSV of goods."""

from __future__ import annotations

from shop.goods.csv_cells import Columns, columns_of
from shop.goods.services.csv_columns import sku_columns
from shop.variants.customer_a.models import Goods

__all__ = ["goods_columns", "sku_columns"]


def goods_columns() -> Columns:
    return columns_of(Goods, category_code="Category Code", vendor_code="Vendor Code", tax_rate="Tax Rate")
