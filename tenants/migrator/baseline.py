"""What is different when a migration meets a schema that was made a moment ago and has no rows."""

from __future__ import annotations

from copy import copy

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db.migrations import AddIndex, Migration, RemoveIndex, RunPython
from django.db.migrations.operations.base import Operation

NOTHING_TO_DO = {
    # Its code gives permissions of proxy models another content type; in a new schema there are none yet.
    ("auth", "0011_update_proxy_permissions"),
    # Its code deletes failed logins that are there twice.
    ("axes", "0007_alter_accessattempt_unique_together"),
}
"""Migrations whose steps in Python need not be run for a new tenant."""


def for_new_schema(migration: Migration) -> Migration:
    """Return the migration as it is applied to a new schema, in the one transaction that creates it.

    An index needs no CONCURRENTLY there: nobody else sees the table yet.
    """
    replaced = copy(migration)
    replaced.operations = [  # type: ignore[misc]  # Django sets it on the instance as well
        _in_transaction(operation) for operation in migration.operations
    ]
    return replaced


def for_no_rows(migration: Migration) -> Migration:
    """Return the migration as it is applied where no table has any row: without code that has nothing to do."""
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
