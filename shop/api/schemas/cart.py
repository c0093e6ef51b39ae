"""The cart."""

from __future__ import annotations

from typing import Any

from ninja import Field, Schema

from shop.api.schemas.fields import Input, Quantity
from shop.api.schemas.money import AmountOut, shop_amount
from shop.orders.cart import CartLine


class QuantityIn(Input):
    """The quantity of a SKU in the cart."""

    quantity: Quantity


class CartLineOut(Schema):
    """A quantity of one SKU at today's price."""

    sku: int = Field(alias="sku.pk")
    goods: int = Field(alias="sku.goods_id")
    goods_name: str = Field(alias="sku.goods.name")
    sku_title: str = Field(alias="sku.title")
    quantity: int
    stock: int = Field(alias="sku.stock")
    track_stock: bool = Field(alias="sku.track_stock")
    allow_backorders: bool = Field(alias="sku.allow_backorders")
    is_short: bool = Field(description="Whether the stock does not cover the quantity.")
    unit_price: AmountOut
    amount: AmountOut

    @staticmethod
    def resolve_unit_price(line: CartLine) -> AmountOut | None:
        return shop_amount(line.sku.selling_price)

    @staticmethod
    def resolve_amount(line: CartLine) -> AmountOut | None:
        return shop_amount(line.amount)


class CartOut(Schema):
    """The cart of this session."""

    lines: list[CartLineOut]
    total: AmountOut

    @staticmethod
    def resolve_total(cart: Any) -> AmountOut | None:
        return shop_amount(cart["total"])
