"""Customer A's fields in the API."""

from __future__ import annotations

from decimal import Decimal

from ninja import Field

from shop.goods import schemas
from shop.goods.queries import GoodsQuerySet

_CATEGORY_CODE, _VENDOR_CODE = "Customer A's code for the category.", "Customer A's code for the vendor."
_TAX_RATE = "The tax rate, as a fraction. Prices include the tax."


class GoodsFields(schemas.GoodsFields):
    category_code: str = Field(description=_CATEGORY_CODE)
    vendor_code: str = Field(description=_VENDOR_CODE)
    tax_rate: Decimal = Field(description=_TAX_RATE, examples=["0.1000"])


class GoodsInput(schemas.GoodsInput):
    category_code: str = Field("", max_length=32, description=_CATEGORY_CODE)
    vendor_code: str = Field("", max_length=32, description=_VENDOR_CODE)
    tax_rate: Decimal = Field(Decimal("0.1"), ge=0, le=1, max_digits=5, decimal_places=4, description=_TAX_RATE)


class GoodsFilter(schemas.GoodsFilter):
    category_code: str = Field("", max_length=32, description=_CATEGORY_CODE)
    vendor_code: str = Field("", max_length=32, description=_VENDOR_CODE)

    def narrow(self, goods: GoodsQuerySet) -> GoodsQuerySet:
        wanted = {"category_code": self.category_code, "vendor_code": self.vendor_code}
        return super().narrow(goods).filter(**{name: code for name, code in wanted.items() if code})
