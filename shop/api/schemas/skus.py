"""SKUs, their stock and their prices."""

from __future__ import annotations

from typing import Any, Self

from ninja import Field, Schema
from pydantic import model_validator

from shop.api.schemas.fields import INTEGER_MAX, Count, Id, Input, Name, Text, patch_of
from shop.api.schemas.money import AmountIn, AmountOut, shop_amount
from shop.goods.models import Sku

_UNSET: Any = None
"""Default of a field that may be left out, but not be null."""
_TRACK_STOCK = "Whether the stock is tracked. If not, the SKU is always available."
_ALLOW_BACKORDERS = "Whether the SKU can be ordered when it is out of stock."


class SkuBase(Schema):
    id: int
    code: str
    title: str = Field(description="The chosen options: “Small / Blue”; empty for a product without options.")
    option_values: list[str]
    stock: int = Field(description="Units in stock; negative for units on back order.")
    track_stock: bool = Field(description=_TRACK_STOCK)
    allow_backorders: bool = Field(description=_ALLOW_BACKORDERS)
    in_stock: bool = Field(alias="is_in_stock", description="Whether a unit can be ordered now.")
    barcode: str
    weight_grams: int


class SkuOfGoodsOut(SkuBase):
    """A SKU at today's price."""

    price: AmountOut
    compare_at_price: AmountOut | None

    @staticmethod
    def resolve_price(sku: Sku) -> AmountOut | None:
        return shop_amount(sku.selling_price)

    @staticmethod
    def resolve_compare_at_price(sku: Sku) -> AmountOut | None:
        return shop_amount(sku.selling_price_before)


class SkuOut(SkuBase):
    """A SKU as staff manages it."""

    goods: int = Field(alias="goods_id", description="The id of its goods.")
    goods_name: str = Field(alias="goods.name")
    position: int
    price: AmountOut = Field(description="The price that was entered.")
    compare_at_price: AmountOut | None

    @staticmethod
    def resolve_price(sku: Sku) -> AmountOut | None:
        return shop_amount(sku.price)

    @staticmethod
    def resolve_compare_at_price(sku: Sku) -> AmountOut | None:
        return shop_amount(sku.compare_at_price)


class PricesIn(Input):
    """New prices of a SKU."""

    price: AmountIn
    compare_at_price: AmountIn | None = Field(None, description="The price before a sale, shown crossed out.")


class SkuIn(PricesIn):
    """A new SKU."""

    code: Text = ""
    option_values: list[Name] = Field(default=[], max_length=10, description="One value for each option of the goods.")
    stock: Count = 0
    track_stock: bool = Field(True, description=_TRACK_STOCK)
    allow_backorders: bool = Field(False, description=_ALLOW_BACKORDERS)
    weight_grams: Count = 0
    barcode: Text = ""
    position: Count = 0


SkuPatch = patch_of(
    SkuIn,
    "Changes of a SKU. A field that is left out stays as it is. Stock and prices have endpoints of their own.",
    without={"stock", "price", "compare_at_price"},
    option_values="",
)


class StockIn(Input):
    """The stock of a SKU, or a change of it: either `stock` or `change`."""

    # Not as a oneOf of both: clients that are generated from the document would make a body of any kind of it.
    stock: Count = Field(_UNSET, description="The new stock. Without `change`.")
    change: int = Field(
        _UNSET, ge=-(2**31), le=2**31 - 1, description="Units to add, or to remove if negative. Without `stock`."
    )

    @model_validator(mode="after")
    def _is_either(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("Send either stock or change.")
        return self


class SkuFilter(Schema):
    """Filters of SKUs."""

    search: str = Field("", max_length=200, description="Words in the name of the goods, the code or the barcode.")
    goods: Id | None = Field(None, description="The id of goods.")
    stock_below: int | None = Field(None, ge=0, le=INTEGER_MAX, description="SKUs with less tracked stock than this.")
