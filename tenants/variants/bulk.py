"""Writing many rows at once, also of a variant's model, whose rows are in two tables.

Django's `bulk_create` refuses such models. Their rows of the parent's are written with it, and their own after that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from django.db.models import Model
from django.db.models.constants import OnConflict

from tenants.variants.labels import parents_of

M = TypeVar("M", bound=Model)

_BATCH = 1000
"""Rows in one statement."""


def insert_rows(model: type[M], rows: Sequence[M]) -> None:
    """Insert new rows, and set their primary keys. Signals are not sent. In a transaction of the caller's."""
    for parent, link in parents_of(model):
        parts = [_part(parent, row) for row in rows]
        parent._base_manager.bulk_create(parts, batch_size=_BATCH)
        for row, part in zip(rows, parts, strict=True):
            _take_over(row, part, link)
        _write_own(model, rows, update=())
        return
    model._base_manager.bulk_create(rows, batch_size=_BATCH)


def update_rows(model: type[M], rows: Sequence[M], fields: Collection[str]) -> None:
    """Write these fields of rows that are there. Signals are not sent. In a transaction of the caller's."""
    # INSERT … ON CONFLICT and not `bulk_update`, whose CASE for every field of every row takes ten times as long.
    for parent, _ in parents_of(model):
        own = {field.name for field in model._meta.local_concrete_fields}
        _update(parent, [_part(parent, row) for row in rows], [name for name in fields if name not in own])
        if update := [name for name in fields if name in own]:
            _write_own(model, rows, update)
        return
    _update(model, rows, fields)


def _update(model: type[Model], rows: Sequence[Model], fields: Collection[str]) -> None:
    if fields and rows:
        model._base_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["pk"], update_fields=list(fields), batch_size=_BATCH
        )


def _write_own(model: type[M], rows: Sequence[M], update: Collection[str]) -> None:
    """Insert the model's own part of rows; what there is of it already gets `update`."""
    fields = list(model._meta.local_concrete_fields)
    by_name = {field.name: field for field in fields}
    conflict: dict[str, Any] = {"on_conflict": OnConflict.IGNORE}
    if update:
        conflict = {
            "on_conflict": OnConflict.UPDATE,
            "update_fields": [by_name[name] for name in update],
            "unique_fields": [model._meta.pk],
        }
    manager: Any = model._base_manager
    for start in range(0, len(rows), _BATCH):
        manager._insert(rows[start : start + _BATCH], fields=fields, using=manager.db, **conflict)


def _part(parent: type[Model], row: Model) -> Model:
    """Return what a row is of its parent's."""
    # A related row may have been saved since it was set here, and only itself knows its key.
    related = row._state.fields_cache
    names = [field.name if field.name in related else field.attname for field in parent._meta.concrete_fields]
    part = parent(**{name: getattr(row, name) for name in names})
    part._state.db = row._state.db
    return part


def _take_over(row: Model, part: Model, link: Any) -> None:
    """Let a row know what became of its part when that was inserted."""
    for field in part._meta.concrete_fields:
        setattr(row, field.attname, getattr(part, field.attname))
    setattr(row, link.attname, part.pk)
    row._state.adding, row._state.db = False, part._state.db
