"""Django's migration operations where they have to know that a database has many tenants."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import CreateExtension

from tenants.postgresql.schema import DatabaseSchemaEditor

_exists_in_database = CreateExtension.extension_exists


def _is_left_to_editor(operation: CreateExtension, schema_editor: Any, extension: str) -> bool:
    """Say that an extension is missing: our schema editor then makes it where every tenant finds it, or refuses.

    Django looks whether the database has it, in whatever schema, and drops it for all when one tenant goes back.
    """
    if isinstance(schema_editor, DatabaseSchemaEditor):
        return False
    return bool(_exists_in_database(operation, schema_editor, extension))


CreateExtension.extension_exists = _is_left_to_editor  # type: ignore[assignment,method-assign]
