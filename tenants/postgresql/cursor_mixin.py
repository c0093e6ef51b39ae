"""Mixin of the client-side and the server-side cursor: which tenant settings to send, and what statements changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.pq import TransactionStatus

from tenants.context import Block, TenantInfo, innermost
from tenants.errors import NoActiveTenant
from tenants.postgresql.connection_watch import report_change
from tenants.postgresql.sql_text import Effects, effects_of, outlives_failure
from tenants.postgresql.statement_settings import TenantSettings, settings_for, settings_replacing

if TYPE_CHECKING:
    # Django's are subclasses of these, which django-stubs leaves empty.
    from psycopg import ClientCursor, ServerCursor

    from tenants.postgresql.base import DatabaseWrapper
    from tenants.postgresql.psycopg_connection import TenantConnection

    Cursor = ClientCursor[Any]
    ServerSideCursor = ServerCursor[Any]
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor

__all__ = ["IDLE", "INERROR", "Cursor", "ServerSideCursor", "TenantCursorMixin"]

IDLE, INERROR, _INTRANS = TransactionStatus.IDLE, TransactionStatus.INERROR, TransactionStatus.INTRANS


class TenantCursorMixin:
    """Sends the active tenant's settings where the server does not have them already."""

    if TYPE_CHECKING:
        wrapper: DatabaseWrapper
        _conn: Any
        """A `TenantConnection`."""

    def _tenant_to_send(self, *, always: bool = False) -> TenantInfo | None:
        """Return the tenant whose settings go with the statement; None: the server has them already.

        Raises `NoActiveTenant`.
        """
        block = innermost.get()
        if block is None:
            raise NoActiveTenant
        tenant = block.tenant
        connection: TenantConnection = self._conn
        if connection.changed_in is not None:
            self._reset_after(connection.changed_in, block)
        sent = connection.tenant_sent
        if sent is not None and not always:
            if sent is tenant:
                return None
            if sent == tenant and sent.statement_seconds == tenant.statement_seconds:
                return None
        if connection.pgconn.transaction_status == INERROR and not always:
            return None  # PostgreSQL refuses the statement, and its own error is clearer than one about settings
        return tenant

    def _reset_after(self, changed_in: Block, block: Block | None) -> None:
        """Reset the session if a tenant's code changed it in a block that has ended.

        Changes of the control plane's code stay until its request or command ends. Such code may take a lock and then
        work in one tenant after another.
        """
        if changed_in.tenant.is_platform or self._conn.pgconn.transaction_status != IDLE:
            return
        while block is not None:
            if block is changed_in:
                return
            block = block.outer
        self.wrapper.reset_session()

    def _settings_to_send(self, tenant: TenantInfo) -> TenantSettings:
        """Return the settings to send, and record which statement timeout they set."""
        connection, seconds = self._conn, tenant.statement_seconds
        role = tenant.role or self.wrapper.owner_role
        if connection.pgconn.transaction_status == IDLE:
            connection.timeouts_sent = (seconds,) if seconds else ()
            connection.settings_changed = connection.changed_in is not None
            if not (seconds and connection.settings_changed):
                return settings_for(tenant.schema, role, seconds)
            return settings_replacing(tenant.schema, role, seconds, (), True)
        sent = connection.timeouts_sent
        if seconds and seconds not in sent:
            connection.timeouts_sent = (*sent, seconds)
        if not sent and not (seconds and connection.settings_changed):
            return settings_for(tenant.schema, role, seconds)
        return settings_replacing(tenant.schema, role, seconds, sent, connection.settings_changed)

    def _remember_sent(self, tenant: TenantInfo | None) -> None:
        """Record that the server has the settings of `tenant` until its transaction ends."""
        connection = self._conn
        if connection.pgconn.transaction_status == _INTRANS and connection._pipeline is None:
            connection.tenant_sent = tenant

    def _record_effects(self, effects: Effects) -> bool:
        """Record what a statement may have changed; return whether that includes the tenant's settings."""
        if effects.settings:
            self._conn.settings_changed = True
        if effects.session:
            self._mark_changed()
        return effects.settings

    def _record_unfinished(self, query: str, effects: Effects) -> None:
        """Record what a statement may have changed that failed, or whose command tags are not known."""
        self._record_effects(effects)
        if effects.session or outlives_failure(query):
            self._mark_changed()

    def _mark_changed(self) -> None:
        self._conn.mark_changed()
        report_change(self.wrapper)

    def _as_text(self, query: Any) -> str:
        if isinstance(query, sql.Composable):
            return query.as_string(self)  # type: ignore[arg-type]  # both kinds of cursor are psycopg's
        return query.decode(self._conn.info.encoding) if isinstance(query, bytes) else str(query)

    @contextmanager
    def _settings_sent_first(self, query: Any) -> Iterator[None]:
        """Send the settings as a message before COPY, pipelined and server-side statements, which cannot carry them.

        SET LOCAL lasts until the transaction ends, so a statement outside a transaction gets one.
        """
        connection = self._conn
        text = self._as_text(query)
        effects = effects_of(text)
        tenant, known = self._tenant_to_send(), connection.tenant_sent
        if tenant is not None and connection.autocommit and connection.pgconn.transaction_status == IDLE:
            with connection.transaction():
                self._send_settings(tenant)
                self._record_unfinished(text, effects)
                yield
            return
        if tenant is not None:
            self._send_settings(tenant)
        # The caller may not read all rows, and psycopg keeps no command tags of these statements.
        self._record_unfinished(text, effects)
        yield
        if not effects.settings and not outlives_failure(text):
            self._remember_sent(tenant or known)

    def _send_settings(self, tenant: TenantInfo) -> None:
        settings = self._settings_to_send(tenant)
        # A message of a pipeline holds one statement.
        for text in (settings.text,) if self._conn._pipeline is None else settings.each:
            Cursor(self._conn).execute(text)
