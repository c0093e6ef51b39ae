"""Skus: what both versions have of them."""

from __future__ import annotations

from typing import Self

from ninja import Field, Schema
from pydantic import model_validator

from shop.api.schemas.fields import INTEGER_MAX, Count, Id, Input, Name, Text

_TRACK_STOCK = "Whether the stock is counted; if not, it is always for sale."
_ALLOW_BACKORDERS = "Whether it goes on selling at 0."


class SkuFacts(Schema):
    """What is known of a sku beside its prices."""

    id: int
    code: str
    title: str = Field(description="The chosen options: “Small / Blue”; empty for goods of one kind.")
    option_values: list[str]
    stock: int = Field(description="Pieces that are there; below 0, so many are owed on back orders.")
    track_stock: bool = Field(description=_TRACK_STOCK)
    allow_backorders: bool = Field(description=_ALLOW_BACKORDERS)
    in_stock: bool = Field(alias="is_in_stock", description="Whether a piece may be ordered now.")
    barcode: str
    weight_grams: int


class SkuFactsIn(Input):
    """A sku to be made, beside its prices."""

    code: Text = ""
    option_values: list[Name] = Field(default=[], max_length=10, description="One for each option name of the goods.")
    stock: Count = 0
    track_stock: bool = Field(True, description=_TRACK_STOCK)
    allow_backorders: bool = Field(False, description=_ALLOW_BACKORDERS)
    weight_grams: Count = 0
    barcode: Text = ""
    position: Count = 0


class SkuPatch(Input):
    """What shall be different in a sku; what is left out stays. Stock and prices have addresses of their own."""

    code: Text = Field(None)
    option_values: list[Name] = Field(None, max_length=10)
    track_stock: bool = Field(None, description=_TRACK_STOCK)
    allow_backorders: bool = Field(None, description=_ALLOW_BACKORDERS)
    weight_grams: Count = Field(None)
    barcode: Text = Field(None)
    position: Count = Field(None)


class StockIn(Input):
    """How many pieces there are now: either `stock` or `change`."""

    # Not as a oneOf of both: clients that are generated from the document would make a body of any kind of it.
    stock: Count = Field(None, description="How many there are. Without `change`.")
    change: int = Field(
        None, ge=-(2**31), le=2**31 - 1, description="How many more, or fewer if negative. Without `stock`."
    )

    @model_validator(mode="after")
    def _is_either(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("Send either stock or change.")
        return self


class SkuFilter(Schema):
    """Which skus."""

    search: str = Field("", max_length=200, description="Words that the goods' name, the code or the barcode has.")
    goods: Id | None = Field(None, description="The id of goods.")
    stock_below: int | None = Field(None, ge=0, le=INTEGER_MAX, description="Fewer counted pieces than this are left.")
