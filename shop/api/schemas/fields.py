"""Types of fields, and the base of what clients send."""

from __future__ import annotations

import re
from typing import Annotated

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Field, Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, StringConstraints

from shop.goods.rich_text import MAX_CHARACTERS, validate_description
from shop.orders.cart import MAX_QUANTITY

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
INTEGER_MAX = 2**31 - 1
"""What PostgreSQL's integers hold."""

Text = Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL, strip_whitespace=True)]
"""A line of text."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL, strip_whitespace=True)]
"""A line of text that is there."""
Slug = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[-\w]+$")]
"""Letters of any script, digits and hyphens."""
Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
"""How many there are of something."""
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
"""Pieces of one sku that somebody wants."""
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Phone = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL, strip_whitespace=True)]


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError("This is no e-mail address.") from error
    return text.lower()


def _description(text: str) -> str:
    try:
        validate_description(text)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error
    return text


def _timestamp(text: object) -> object:
    if isinstance(text, str) and not _DATE.match(text):
        raise ValueError("Give a date and time with its time zone, as 2026-01-31T09:00:00Z.")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
"""A date and time with its zone, as ISO 8601 has them; not the number of seconds that pydantic would take as well."""
Description = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS, pattern=NO_NUL), AfterValidator(_description)]
"""Plain text, or HTML within the bounds of what can be cleaned."""
Email = Annotated[
    str, StringConstraints(max_length=254), AfterValidator(_email), Field(json_schema_extra={"format": "email"})
]


class Input(Schema):
    """What a client sends: a field that is not known is an error and not passed over."""

    model_config = ConfigDict(extra="forbid")
