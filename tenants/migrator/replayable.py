"""Which migration operations send the same SQL to every schema that is in the same place."""

from __future__ import annotations

from typing import Any

from django.db.migrations import AlterField, Migration, RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_TABLE_OPERATIONS = ("django.db.migrations.operations.models", "django.db.migrations.operations.fields")


def changes_tables_alone(operation: Operation) -> bool:
    """Tell whether an operation leaves no rows behind that have deferred checks waiting."""
    return type(operation).__module__.startswith(_TABLE_OPERATIONS)


def sends_the_same(migration: Migration, before: ProjectState) -> bool:
    """Tell whether the SQL of a migration, from the models `before` on, can be sent to other schemas as well."""
    operations = migration.operations
    return all(map(comes_out_the_same, operations)) or (
        len(operations) == 1 and _fills_in_no_default(operations[0], migration.app_label, before)
    )


def _fills_in_no_default(operation: Operation, app_label: str, before: ProjectState) -> bool:
    """Tell whether an operation alters a field in a way that its default does not matter.

    Only where NULL was allowed and no longer is, are there rows to write the default into.
    """
    if type(operation) is not AlterField:
        return False
    field = before.models[app_label, operation.model_name_lower].fields[operation.name]
    return operation.field.null or not field.null


def comes_out_the_same(operation: Operation, *, backwards: bool = False) -> bool:
    """Tell whether the SQL of an operation can be sent to other schemas as it was sent to the first."""
    if isinstance(operation, RunPython):
        return (operation.reverse_code if backwards else operation.code) is RunPython.noop
    if isinstance(operation, SeparateDatabaseAndState):
        return all(comes_out_the_same(inner, backwards=backwards) for inner in operation.database_operations)
    # A stranger's operation may ask the database, or send statements past the schema editor.
    method = type(operation).database_backwards if backwards else type(operation).database_forwards
    return method.__module__.startswith("django.") and _default_is_constant(getattr(operation, "field", None))


def _default_is_constant(field: Any) -> bool:
    """Tell whether a field's default, which Django writes into the SQL, is the same each time.

    A default like `uuid4` or a random token must differ from tenant to tenant.
    """
    if field is None or not field.has_default() or not callable(field.default):
        return True
    return bool(field.default() == field.default())
