"""Customers."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from shop.api.schemas.fields import Email, Input, Name, Phone, patch_of


class CustomerOut(Schema):
    """A customer of the shop."""

    id: int
    email: str
    name: str
    phone: str
    created_at: datetime


class CustomerIn(Input):
    """A new customer."""

    email: Email
    name: Name
    phone: Phone = ""


CustomerPatch = patch_of(CustomerIn, "Changes of a customer. A field that is left out stays as it is.")


class CustomerFilter(Schema):
    """Filters of customers."""

    search: str = Field("", max_length=200, description="A part of the name, email address or phone.")
