"""CSV cells: from text to the values of model fields, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import models

from shop.goods.money import EXACT

Columns = Mapping[str, tuple[str, Callable[[str], Any]]]
"""By column: the field that it fills, and the function that reads its cells or raises ValueError."""

_WRITTEN = (
    models.CharField, models.TextField, models.IntegerField, models.FloatField, models.DecimalField,
    models.BooleanField, models.DateField, models.UUIDField,
)  # fmt: skip
"""Fields whose `clean` reads what `write_cell` writes."""
_PLAIN = re.compile(r'[^",\s]([^,\r\n]*[^,\s])?')

TRUTHS = {"true": True, "false": False}


class FieldCell:
    """Reads a cell as a model field does. An empty cell leaves a field that cannot be empty as it is."""

    def __init__(self, model: type[models.Model], name: str) -> None:
        self._field = cast("models.Field[Any, Any]", model._meta.get_field(name))

    @property
    def is_kept_when_empty(self) -> bool:
        return not self._field.blank or isinstance(self._field, models.BooleanField)

    def __call__(self, text: str) -> Any:
        if isinstance(self._field, models.BooleanField):
            try:
                return TRUTHS[text.lower()]
            except KeyError:
                raise ValueError(f"{text[:60]!r} is neither true nor false.") from None
        try:
            return self._field.clean(text or None if self._field.null else text, None)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error


def columns_of(model: type[models.Model], **names: str) -> Columns:
    """Return columns for fields of `model`: `tax_rate="Tax Rate"`."""
    return {column: (name, FieldCell(model, name)) for name, column in names.items()}


def added_columns(model: type[models.Model], base: type[models.Model], declared: Columns) -> Columns:
    """Return columns for the fields that `model` adds to `base` and that have no declared column."""
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
    """Quote an item of a list if it would be read as two, or as another."""
    return text if _PLAIN.fullmatch(text) else '"{}"'.format(text.replace('"', '""'))
