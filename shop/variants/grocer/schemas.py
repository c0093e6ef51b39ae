"""A grocer's fields in the API."""

from __future__ import annotations

from datetime import date

from ninja import Field

from shop.goods import schemas
from shop.goods.queries import GoodsQuerySet

_BY_WEIGHT = "Whether the price of an item depends on its weight."
_BEST_BEFORE = "The last day of sale."


class GoodsFields(schemas.GoodsFields):
    sold_by_weight: bool = Field(description=_BY_WEIGHT)


class GoodsInput(schemas.GoodsInput):
    sold_by_weight: bool = Field(False, description=_BY_WEIGHT)


class GoodsFilter(schemas.GoodsFilter):
    best_before: date | None = Field(None, description="Goods with a SKU that is best before this day or earlier.")

    def narrow(self, goods: GoodsQuerySet) -> GoodsQuerySet:
        narrowed = super().narrow(goods)
        if self.best_before is None:
            return narrowed
        return narrowed.filter(skus__grocer__best_before__lte=self.best_before).distinct()


class SkuFields(schemas.SkuFields):
    best_before: date | None = Field(description=_BEST_BEFORE)


class SkuInput(schemas.SkuInput):
    best_before: date | None = Field(None, description=_BEST_BEFORE)
