"""Cells of a CSV file: from text to the values of models' fields, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DecimalField,
    FloatField,
    IntegerField,
    Model,
    TextField,
    UUIDField,
)  # fmt: skip

from shop.goods.money import EXACT

Columns = Mapping[str, tuple[str, Callable[[str], Any]]]
"""By column: the field it fills, and how its cells are read. What a cell cannot mean is a ValueError."""

_WRITTEN = (CharField, TextField, IntegerField, FloatField, DecimalField, BooleanField, DateField, UUIDField)
"""Fields whose values `write_cell` writes as their `clean` reads them."""
_PLAIN = re.compile(r'[^",\s]([^,\r\n]*[^,\s])?')

TRUTHS = {"true": True, "false": False}


class FieldCell:
    """Reads cells as a field of a model takes them. An empty cell says nothing where the field cannot be empty."""

    def __init__(self, model: type[Model], name: str) -> None:
        self._field = model._meta.get_field(name)

    @property
    def is_kept_when_empty(self) -> bool:
        return not self._field.blank or isinstance(self._field, BooleanField)

    def __call__(self, text: str) -> Any:
        if isinstance(self._field, BooleanField):
            try:
                return TRUTHS[text.lower()]
            except KeyError:
                raise ValueError(f"{text[:60]!r} is neither true nor false.") from None
        try:
            return self._field.clean(text or None if self._field.null else text, None)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error


def columns_of(model: type[Model], **names: str) -> Columns:
    """Return columns that fill fields of `model`, by field: `tax_rate="Tax Rate"`."""
    return {column: (name, FieldCell(model, name)) for name, column in names.items()}


def added_columns(model: type[Model], base: type[Model], declared: Columns) -> Columns:
    """Return columns for fields that `model` adds to `base` and no declared column fills: none is lost unnoticed."""
    filled = {name for name, _ in declared.values()}
    own = () if model is base else model._meta.local_concrete_fields
    fields = [field for field in own if isinstance(field, _WRITTEN) and field.editable and field.name not in filled]
    return columns_of(model, **{field.name: field.name.replace("_", " ").title() for field in fields})


def write_cell(value: Any) -> str:
    """Return the text that is read as `value`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize(EXACT):f}"
    if isinstance(value, list):
        return ", ".join(_quoted(text) for text in value)
    return str(value)


def _quoted(text: str) -> str:
    """Return one of a list, in quotation marks if it would be read as two, or as another."""
    is_plain = _PLAIN.fullmatch(text)
    return text if is_plain else '"{}"'.format(text.replace('"', '""'))
