"""Django's schema editor, which can also write down the SQL that it sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import schema

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Adds each statement, parameters filled in, to the connection's `recording` while there is one."""

    connection: DatabaseWrapper

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Send one statement."""
        text = str(sql)  # Django's statements are rendered when they are sent, and not before
        if params is not None:
            text = self.connection.ops.compose_sql(text, params)
        if self.connection.recording is not None:
            self.connection.recording.append(text)
        super().execute(text, None)


@contextmanager
def recording(connection: DatabaseWrapper) -> Iterator[list[str]]:
    """Collect the statements that schema editors send on `connection` inside the block."""
    before, connection.recording = connection.recording, []
    try:
        yield connection.recording
    finally:
        connection.recording = before


_WRITES = ("INSERT", "UPDATE", "DELETE")


@contextmanager
def recording_writes(connection: DatabaseWrapper) -> Iterator[list[str]]:
    """Collect the rows' changes that the ORM sends on `connection` inside the block, as SQL."""
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(_WRITES):
            statements.append(connection.ops.compose_sql(sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements
