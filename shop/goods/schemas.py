"""Fields that a variant adds to goods and SKUs in every version of the API."""

from __future__ import annotations

from ninja import Schema

from shop.goods.queries import GoodsQuerySet


class GoodsFields(Schema):
    """Additional fields of goods in responses."""


class GoodsInput(Schema):
    """Additional fields of goods in requests, all optional."""


class GoodsFilter(Schema):
    """Additional filters of goods, all optional."""

    def narrow(self, goods: GoodsQuerySet) -> GoodsQuerySet:
        """Apply the variant's filters."""
        return goods


class SkuFields(Schema):
    """Additional fields of SKUs in responses."""


class SkuInput(Schema):
    """Additional fields of SKUs in requests, all optional."""
