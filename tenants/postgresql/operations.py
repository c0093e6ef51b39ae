"""Database operations: executed queries are shown without the tenant's settings."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import operations

from tenants.postgresql.statement_settings import PREAMBLE


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """Return the query for `connection.queries` and the log `django.db.backends`."""
        sent: str | None = super().last_executed_query(cursor, sql, params)
        return PREAMBLE.sub("", sent or sql, count=1)
