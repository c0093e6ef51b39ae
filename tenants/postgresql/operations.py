"""What the backend says about its statements: the statement alone, without the tenant that travelled with it."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import operations

from tenants.postgresql.statement_settings import PREAMBLE


class DatabaseOperations(operations.DatabaseOperations):
    """Django's own, for `connection.queries` and the log `django.db.backends`."""

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """Return the statement as it was sent, parameters filled in."""
        sent: str | None = super().last_executed_query(cursor, sql, params)
        return PREAMBLE.sub("", sent or sql, count=1)
