"""Orders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import StringConstraints

from shop.api.operations import access_of
from shop.api.schemas.customers import CustomerIn
from shop.api.schemas.fields import NO_NUL, Id, Input, Moment, Quantity
from shop.api.schemas.money import AmountIn, AmountOut
from shop.orders.cart import MAX_LINES
from shop.orders.models import Order, OrderLine


class OrderLineOut(Schema):
    """A quantity of one SKU, with names and prices at the time of the order."""

    sku: int = Field(alias="sku_id")
    goods_name: str
    sku_title: str
    quantity: int
    unit_price: AmountOut
    amount: AmountOut

    @staticmethod
    def resolve_unit_price(line: OrderLine) -> AmountOut:
        return AmountOut(line.unit_price, line.order.currency)

    @staticmethod
    def resolve_amount(line: OrderLine) -> AmountOut:
        return AmountOut(line.amount, line.order.currency)


class OrderOut(Schema):
    """An order."""

    number: str
    status: str
    placed_at: datetime
    email: str = Field(alias="customer.email")
    customer: int | None = Field(description="The customer's id; null without the permission to view customers.")
    ship_to: str
    total: AmountOut
    lines: list[OrderLineOut]

    @staticmethod
    def resolve_customer(order: Order, context: dict[str, HttpRequest]) -> int | None:
        # An address that was typed is not proved: the response does not even tell whether it is a known customer's.
        return order.customer_id if access_of(context["request"]).has_perm("customers.view_customer") else None

    @staticmethod
    def resolve_total(order: Order) -> AmountOut:
        return AmountOut(order.total, order.currency)


class LineIn(Input):
    """A quantity of one SKU."""

    sku: Id = Field(description="The id of a SKU.")
    quantity: Quantity


class OrderIn(Input):
    """A new order."""

    customer: CustomerIn
    ship_to: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=NO_NUL, strip_whitespace=True)] = (
        Field(description="The shipping address, line by line.")
    )
    lines: list[LineIn] | None = Field(
        None, min_length=1, max_length=MAX_LINES, description="What to order; null: the cart, which is emptied."
    )
    agreed_total: AmountIn | None = Field(
        None, description="The total that the customer agreed to. At another total, no order is placed (409)."
    )


class OrderFilter(Schema):
    """Filters of orders."""

    status: Order.Status | None = None
    customer: Id | None = Field(None, description="The id of a customer.")
    placed_since: Moment | None = Field(None, description="Placed at this time, given with its time zone, or later.")


class StatusIn(Input):
    """The new status of an order."""

    status: Literal["paid", "shipped", "cancelled"]
