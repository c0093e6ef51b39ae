"""Replayable operations: those that send the same SQL to every schema with the same history."""

from __future__ import annotations

from typing import Any

from django.db.migrations import AlterField, Migration, RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_TABLE_OPERATIONS = ("django.db.migrations.operations.models", "django.db.migrations.operations.fields")


def only_alters_tables(operation: Operation) -> bool:
    """Return whether an operation cannot leave rows with pending deferred checks."""
    return type(operation).__module__.startswith(_TABLE_OPERATIONS)


def is_replayable(migration: Migration, before: ProjectState) -> bool:
    """Return whether the SQL of a migration, starting from the models `before`, fits other schemas too."""
    operations = migration.operations
    return all(map(is_deterministic, operations)) or (
        len(operations) == 1 and _writes_no_default(operations[0], migration.app_label, before)
    )


def _writes_no_default(operation: Operation, app_label: str, before: ProjectState) -> bool:
    """Return whether the field that an operation alters keeps its NULL rule: only then its default is not written."""
    if type(operation) is not AlterField:
        return False
    field = before.models[app_label, operation.model_name_lower].fields[operation.name]
    return operation.field.null or not field.null


def is_deterministic(operation: Operation, *, backwards: bool = False) -> bool:
    """Return whether an operation sends the same SQL each time."""
    if isinstance(operation, RunPython):
        return (operation.reverse_code if backwards else operation.code) is RunPython.noop
    if isinstance(operation, SeparateDatabaseAndState):
        return all(is_deterministic(inner, backwards=backwards) for inner in operation.database_operations)
    # Third-party operations may query the database, or send statements without the schema editor.
    method = type(operation).database_backwards if backwards else type(operation).database_forwards
    return method.__module__.startswith("django.") and _has_constant_default(getattr(operation, "field", None))


def _has_constant_default(field: Any) -> bool:
    # Django writes the default into the SQL. One like `uuid4` has to differ from tenant to tenant.
    if field is None or not field.has_default() or not callable(field.default):
        return True
    return bool(field.default() == field.default())
