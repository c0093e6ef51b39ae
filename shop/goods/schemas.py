"""What a variant can add to goods and skus in every version of the API: the same fields, named once.

The versions have schemas of their own, and mix these in: `resolve_for(variant, "goods.schemas.GoodsFields")`.
"""

from __future__ import annotations

from django.db.models import QuerySet
from ninja import Schema


class GoodsFields(Schema):
    """Fields of goods to be read, beside those that all goods have."""


class GoodsInput(Schema):
    """Fields of goods that staff may write, beside those that all goods have; each can be left out."""


class GoodsFilter(Schema):
    """Ways to narrow a list of goods, beside those that there are for all goods; each can be left out."""

    def narrow(self, goods: QuerySet) -> QuerySet:
        """Return those of `goods` that were asked for."""
        return goods


class SkuFields(Schema):
    """Fields of skus to be read, beside those that all skus have."""


class SkuInput(Schema):
    """Fields of skus that staff may write, beside those that all skus have; each can be left out."""
