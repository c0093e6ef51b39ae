"""What the API says about a grocer's goods, and takes."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet
from ninja import Field

from shop.goods import schemas

_BY_WEIGHT = "Whether a piece costs as much as it weighs."
_BEST_BEFORE = "The last day on which it is sold."


class GoodsFields(schemas.GoodsFields):
    sold_by_weight: bool = Field(description=_BY_WEIGHT)


class GoodsInput(schemas.GoodsInput):
    sold_by_weight: bool = Field(False, description=_BY_WEIGHT)


class GoodsFilter(schemas.GoodsFilter):
    best_before: date | None = Field(None, description="Goods of which a sku is best before this day, or earlier.")

    def narrow(self, goods: QuerySet) -> QuerySet:
        narrowed = super().narrow(goods)
        if self.best_before is None:
            return narrowed
        return narrowed.filter(skus__grocer__best_before__lte=self.best_before).distinct()


class SkuFields(schemas.SkuFields):
    best_before: date | None = Field(description=_BEST_BEFORE)


class SkuInput(schemas.SkuInput):
    best_before: date | None = Field(None, description=_BEST_BEFORE)
