"""Types of fields, and the base of what clients send."""

from __future__ import annotations

import re
from collections.abc import Collection
from copy import copy
from typing import Annotated, Any, TypeVar, cast

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Field, Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, StringConstraints, create_model

from shop.goods.rich_text import MAX_CHARACTERS, validate_description
from shop.orders.cart import MAX_QUANTITY

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
INTEGER_MAX = 2**31 - 1
"""The largest value of PostgreSQL's integer type."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError("Enter a valid email address.") from error
    return text.lower()


def _description(text: str) -> str:
    try:
        validate_description(text)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from error
    return text


def _timestamp(text: object) -> object:
    if isinstance(text, str) and not _DATE.match(text):
        raise ValueError("Enter a date and time with its time zone, such as 2026-01-31T09:00:00Z.")
    return text


Text = Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[-\w]+$")]
Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Phone = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL, strip_whitespace=True)]
Moment = Annotated[AwareDatetime, BeforeValidator(_timestamp)]
"""An ISO 8601 date and time with its zone; not the number of seconds that pydantic would take as well."""
Description = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS, pattern=NO_NUL), AfterValidator(_description)]
Email = Annotated[
    str, StringConstraints(max_length=254), AfterValidator(_email), Field(json_schema_extra={"format": "email"})
]


class Input(Schema):
    """What a client sends. An unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


I = TypeVar("I", bound=Input)  # noqa: E741


def patch_of(created: type[I], doc: str, *, without: Collection[str] = (), **descriptions: str) -> type[I]:
    """Return the schema of a PATCH: the fields with which a row is created, each of which may be left out."""
    fields: dict[str, Any] = {}
    for name, field in created.model_fields.items():
        if name not in without:
            optional = copy(field)
            optional.default, optional.description = None, descriptions.get(name, field.description)
            fields[name] = (field.annotation, optional)
    name = f"{created.__name__.removesuffix('In')}Patch"
    patch: type[I] = create_model(
        name, __base__=cast(type[I], Input), __doc__=doc, __module__=created.__module__, **fields
    )
    return patch
