"""Orders: what both versions have of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import StringConstraints

from shop.api.schemas.customers import CustomerIn
from shop.api.schemas.fields import NO_NUL, Id, Input, Moment, Quantity
from shop.orders.cart import MAX_LINES
from shop.orders.models import Order


class LineIn(Input):
    """Some pieces of a sku."""

    sku: Id = Field(description="The id of a sku.")
    quantity: Quantity


class OrderFactsIn(Input):
    """An order to be placed, beside the total that was agreed to."""

    customer: CustomerIn
    ship_to: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=NO_NUL, strip_whitespace=True)] = (
        Field(description="The lines of the parcel's label.")
    )
    lines: list[LineIn] | None = Field(
        None,
        min_length=1,
        max_length=MAX_LINES,
        description="What is wanted; null: what is in the cart, which is empty then.",
    )


class OrderFacts(Schema):
    """What is known of an order beside amounts of money."""

    number: str
    status: str
    placed_at: datetime
    email: str = Field(alias="customer.email")
    customer: int | None = Field(description="The customer's id; null for who may not see customers.")
    ship_to: str

    @staticmethod
    def resolve_customer(order: Order, context: dict[str, HttpRequest]) -> int | None:
        # Whoever types an address has not proved that it is theirs: not even whether it is known is told to them.
        return order.customer_id if context["request"].auth.has_perm("customers.view_customer") else None


class LineFacts(Schema):
    """What is known of a line of an order beside amounts of money."""

    sku: int = Field(alias="sku_id")
    goods_name: str
    sku_title: str
    quantity: int


class OrderFilter(Schema):
    """Which orders."""

    status: Order.Status | None = None
    customer: Id | None = Field(None, description="The id of a customer.")
    placed_since: Moment | None = Field(None, description="Placed at that time or later, with its time zone.")


class StatusIn(Input):
    """What becomes of an order."""

    status: Literal["paid", "shipped", "cancelled"]
