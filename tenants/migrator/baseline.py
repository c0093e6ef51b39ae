"""Adapted migrations for new schemas: no CONCURRENTLY, and no Python code without effect on empty tables."""

from __future__ import annotations

from copy import copy

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db.migrations import AddIndex, Migration, RemoveIndex, RunPython
from django.db.migrations.operations.base import Operation

NOTHING_TO_DO = {
    # Changes the content type of permissions of proxy models, of which a new schema has none.
    ("auth", "0011_update_proxy_permissions"),
    # Deletes duplicates of failed logins.
    ("axes", "0007_alter_accessattempt_unique_together"),
}
"""Migrations whose Python code has no effect in a new tenant."""


def for_new_schema(migration: Migration) -> Migration:
    """Return the migration without CONCURRENTLY, which no other session needs, and which no transaction allows."""
    replaced = copy(migration)
    replaced.operations = [  # type: ignore[misc]
        _in_transaction(operation) for operation in migration.operations
    ]
    return replaced


def for_no_rows(migration: Migration) -> Migration:
    """Return the migration for empty tables, without Python code that would have no effect."""
    replaced = for_new_schema(migration)
    if (migration.app_label, migration.name) in NOTHING_TO_DO:
        replaced.operations = [  # type: ignore[misc]
            operation for operation in replaced.operations if not isinstance(operation, RunPython)
        ]
    return replaced


def _in_transaction(operation: Operation) -> Operation:
    if isinstance(operation, AddIndexConcurrently):
        return AddIndex(operation.model_name, operation.index)
    if isinstance(operation, RemoveIndexConcurrently):
        return RemoveIndex(operation.model_name, operation.name)
    return operation
