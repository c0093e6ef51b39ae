"""Server-side cursor, which Django uses for `QuerySet.iterator()`: declared with the active tenant's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import Cursor as DriverCursor

from tenants.context import Block, innermost
from tenants.postgresql.cursor_mixin import ServerSideCursor, TenantCursorMixin

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper


class TenantServerSideCursor(TenantCursorMixin, ServerSideCursor):
    """A named cursor. Its rows are those of the tenant that was active at `execute()`."""

    def __init__(self, wrapper: DatabaseWrapper, name: str) -> None:
        connection = wrapper.connection
        # As in Django: outside a transaction the cursor has to outlive its statement.
        super().__init__(connection, name=name, scrollable=False, withhold=connection.autocommit)
        self.wrapper = wrapper
        self._is_held = False
        self._block: Block | None = None
        self._session = 0

    def execute(self, query: Any, params: Any = None, **options: Any) -> TenantServerSideCursor:
        self._block, self._session = innermost.get(), self._conn.discards
        with self._settings_sent_first(query):
            super().execute(query, params, **options)
        if self.withhold and not self._is_held:
            self._is_held = True
            self._conn.held_cursors += 1
        return self

    def close(self) -> None:
        # A forgotten generator closes its cursor late. By then the session may have been discarded and the cursor with
        # it. CLOSE would then fail and break the transaction that the connection is in.
        if self._session != self._conn.discards or self.wrapper.connection is not self._conn:
            DriverCursor.close(self)
            return
        if self._block is not innermost.get():
            self._described = False  # psycopg then asks the server whether the cursor exists
        super().close()
        if self._is_held:
            self._is_held = False
            self._conn.held_cursors = max(0, self._conn.held_cursors - 1)
