"""Cells of a CSV file: from text to the values of models' fields, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Model

from shop.goods.money import EXACT

Columns = Mapping[str, tuple[str, Callable[[str], Any]]]
"""By column: the field it fills, and how its cells are read. What a cell cannot mean is a ValueError."""

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
        return ", ".join(value)
    return str(value)
