"""Patch of Django's operation `CreateExtension`: the schema editor decides whether an extension is missing."""

from __future__ import annotations

from functools import wraps
from typing import Any

from tenants.isolation.patches import Patch
from tenants.postgresql.schema import DatabaseSchemaEditor


def left_to_schema_editor(original: Any) -> Any:
    @wraps(original)
    def extension_exists(self: Any, schema_editor: Any, extension: str) -> bool:
        # Ours creates the extension where every tenant finds it, or refuses.
        return not isinstance(schema_editor, DatabaseSchemaEditor) and bool(original(self, schema_editor, extension))

    return extension_exists


PATCHES = (
    Patch(
        "django.contrib.postgres.operations:CreateExtension.extension_exists",
        "self schema_editor extension",
        left_to_schema_editor,
        "Django looks into all schemas, and drops the extension for all tenants when one migrates backwards.",
    ),
)
