"""Customers."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from shop.api.schemas.fields import Email, Input, Name, Phone


class CustomerOut(Schema):
    """Somebody who has ordered."""

    id: int
    email: str
    name: str
    phone: str
    created_at: datetime


class CustomerIn(Input):
    """A customer to be entered."""

    email: Email
    name: Name
    phone: Phone = ""


class CustomerPatch(Input):
    """What shall be different in a customer; what is left out stays."""

    email: Email = Field(None)
    name: Name = Field(None)
    phone: Phone = Field(None)


class CustomerFilter(Schema):
    """Which customers."""

    search: str = Field("", max_length=200, description="A part of the name, e-mail address or phone.")
