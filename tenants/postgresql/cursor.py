"""Cursors that send the tenant with the statement, so that a connection never has to remember one.

Outside a transaction, and in the first statement of one, what is sent is a single simple-protocol message::

    SET LOCAL search_path = "t_7", "extensions"; SET LOCAL ROLE "sangga_t_7";
    SELECT …

A tenant with a limit of time for statements has it as a third setting there.

Several statements in one message are one implicit transaction (PostgreSQL, "Multiple Statements in a Simple
Query"), so the two settings end with the statement, or with the transaction it began. Inside a transaction they
are sent again only where the server may have forgotten them: after a change of tenant, and after anything that was
not one of our statements (`tenants.postgresql.psycopg_connection`). `pg_temp` is last, so that no temporary table is
taken for one of the schema's.

In a pipeline each setting is a message of its own, before each statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg import Cursor as DriverCursor
from psycopg import errors, sql
from psycopg.copy import Copy
from psycopg.pq import ExecStatus, TransactionStatus

from tenants.context import Block, TenantInfo, innermost
from tenants.errors import NoActiveTenant
from tenants.postgresql.connection_watch import report_change
from tenants.postgresql.sql_text import (
    NO_EFFECTS,
    Effects,
    effects_of,
    is_discard_all,
    outlives_failure,
    outlives_transaction,
    with_settings_after_ends,
)
from tenants.postgresql.statement_settings import TenantSettings, settings_for, settings_replacing

if TYPE_CHECKING:
    # Of these Django's are subclasses, which django-stubs leaves empty.
    from psycopg import ClientCursor, ServerCursor

    from tenants.postgresql.base import DatabaseWrapper
    from tenants.postgresql.psycopg_connection import TenantConnection

    Cursor = ClientCursor[Any]
    ServerSideCursor = ServerCursor[Any]
else:
    from django.db.backends.postgresql.base import Cursor, ServerSideCursor

_IDLE, _INTRANS, _INERROR = TransactionStatus.IDLE, TransactionStatus.INTRANS, TransactionStatus.INERROR

# These say what happens to a transaction, and mean the same for every tenant and for none.
_TRANSACTION_CONTROL = re.compile(
    r'(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) "?\w+"?|SET CONSTRAINTS ALL (?:IMMEDIATE|DEFERRED)'
)

# PostgreSQL's command tags. After these the settings are as they were.
_ROWS = (b"SELECT", b"INSERT", b"UPDATE", b"DELETE")
# After these the server may have other settings than it was sent.
_RESETTING = frozenset({"SET", "RESET", "BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "DO", "CALL"})
_ENDING = frozenset({"COMMIT", "ROLLBACK", "PREPARE TRANSACTION"})


class _TenantMixin:
    """What both kinds of cursor share: knowing whether the server has to be told the tenant."""

    if TYPE_CHECKING:
        wrapper: DatabaseWrapper
        _conn: Any
        """A `TenantConnection`."""

    def _tenant_to_send(self, *, always: bool = False) -> TenantInfo | None:
        """Return the active tenant if the server does not know it; raise `NoActiveTenant` if there is none."""
        block = innermost.get()
        if block is None:
            raise NoActiveTenant
        tenant = block.tenant
        connection: TenantConnection = self._conn
        if connection.changed_in is not None:
            self._reset_session_of(connection.changed_in, block)
        sent = connection.tenant_sent
        if sent is not None and not always:
            if sent is tenant:
                return None
            if sent == tenant and sent.statement_seconds == tenant.statement_seconds:
                return None
        if connection.pgconn.transaction_status == _INERROR and not always:
            return None  # PostgreSQL refuses whatever comes; its own answer is the clearer one
        return tenant

    def _reset_session_of(self, made_in: Block, block: Block | None) -> None:
        """Clear the session of what a tenant's block has left in it, once that is over.

        What the control plane's code sets is kept until the end of its request or command: it may lock something,
        and then go from tenant to tenant.
        """
        if made_in.tenant.is_platform or self._conn.pgconn.transaction_status != _IDLE:
            return
        while block is not None:
            if block is made_in:
                return
            block = block.outer
        self.wrapper.reset_session()

    def _settings_to_send(self, tenant: TenantInfo) -> TenantSettings:
        """Return the settings to send, and note what limit of time will be in force."""
        connection, seconds = self._conn, tenant.statement_seconds
        role = tenant.role or self.wrapper.owner_role
        if connection.pgconn.transaction_status == _IDLE:
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
        """Note that the server knows `tenant` until its transaction ends; outside transactions it forgets."""
        connection = self._conn
        if connection.pgconn.transaction_status == _INTRANS and connection._pipeline is None:
            connection.tenant_sent = tenant

    def _record_effects(self, effects: Effects) -> bool:
        """Note what a text may leave behind; return whether the server may have forgotten what it was sent."""
        if effects.settings:
            self._conn.settings_changed = True
        if effects.session:
            self._conn.mark_changed()
            report_change(self.wrapper)
        return effects.settings

    def _record_failed(self, query: str, effects: Effects) -> None:
        """Note what a text may have left though it failed, or was broken off."""
        self._record_effects(effects)
        if effects.session or outlives_failure(query):
            self._conn.mark_changed()
            report_change(self.wrapper)

    def _as_text(self, query: Any) -> str:
        if isinstance(query, sql.Composable):
            return query.as_string(self)  # type: ignore[arg-type]  # both kinds of cursor are psycopg's
        return query.decode(self._conn.info.encoding) if isinstance(query, bytes) else str(query)

    @contextmanager
    def _settings_sent_first(self, query: Any) -> Iterator[None]:
        """Tell the server the tenant in a message of its own, for what cannot share one.

        COPY, pipelined and server-side statements are such. Outside a transaction they get one, since the
        settings hold no longer than that.
        """
        connection = self._conn
        text = self._as_text(query)
        effects = effects_of(text)
        tenant, known = self._tenant_to_send(), connection.tenant_sent
        if tenant is not None and connection.autocommit and connection.pgconn.transaction_status == _IDLE:
            with connection.transaction():
                self._send_settings(tenant)
                self._record_failed(text, effects)
                yield
            return
        if tenant is not None:
            self._send_settings(tenant)
        # What is read bit by bit may never be read to its end, and has no tags that anybody keeps.
        self._record_failed(text, effects)
        yield
        if not effects.settings and not outlives_failure(text):
            self._remember_sent(tenant or known)

    def _send_settings(self, tenant: TenantInfo) -> None:
        settings = self._settings_to_send(tenant)
        # A pipeline takes no text of several statements.
        for text in (settings.text,) if self._conn._pipeline is None else settings.each:
            Cursor(self._conn).execute(text)


class TenantCursor(_TenantMixin, Cursor):
    """A client-side cursor whose every statement runs as the tenant that is active when it is executed."""

    def __init__(self, wrapper: DatabaseWrapper) -> None:
        super().__init__(wrapper.connection)
        self.wrapper = wrapper
        self._before = b""
        self._settings_sent = 0
        self._ends = False
        self._is_aborted = False

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        """Send the settings in front of the statement.

        Only here, where parameters are in it already: what psycopg learns of a statement, it remembers by its text
        (128 of them, in the whole process), and that is the same for every tenant.
        """
        if binary or (binary is None and self.format):
            raise errors.NotSupportedError(
                "Binary results failed: the tenant is sent with the statement, which gives text alone. "
                "Leave out binary=True."
            )
        if not self._before:
            super()._execute_send(query, force_extended=force_extended, binary=binary)
            return
        self._query = query
        text = query.query
        if self._ends:
            text = with_settings_after_ends(text.decode(), self._before.decode()).encode()
        # An aborted transaction takes no settings, only its end.
        self._pgconn.send_query(text if self._is_aborted else self._before + text)

    def _set_results(self, results: list[Any]) -> None:
        """Keep the results of the statements alone; each setting has one before them."""
        if self._before:
            results = self._without_settings(results) if self._ends else results[self._settings_sent :]
            # A text without a statement has no result where others are before it.
            results = results or [self._pgconn.make_empty_result(ExecStatus.EMPTY_QUERY)]
        super()._set_results(results)

    def _without_settings(self, results: list[Any]) -> list[Any]:
        kept, skipped = [], 0 if self._is_aborted else self._settings_sent
        for result in results:
            if skipped:
                skipped -= 1
                continue
            kept.append(result)
            if (result.command_status or b"").decode() in _ENDING:
                skipped = self._settings_sent
        return kept

    def execute(self, query: Any, params: Any = None, **options: Any) -> TenantCursor:
        """Execute `query` as the active tenant; raise `NoActiveTenant` if there is none."""
        if not isinstance(query, str):
            query = self._as_text(query)
        if _TRANSACTION_CONTROL.fullmatch(query):
            self._execute_bare(query, params, options, NO_EFFECTS)
            return self
        effects = effects_of(query)
        tenant = self._tenant_to_send(always=effects.ends)
        if self._conn._pipeline is not None:
            self._execute_in_pipeline(tenant, query, params, options, effects)
        elif tenant is None:
            self._execute_bare(query, params, options, effects)
        else:
            self._execute_with_settings(tenant, query, params, options, effects)
        return self

    def _execute_bare(self, query: str, params: Any, options: dict[str, Any], effects: Effects) -> None:
        known = self._conn.tenant_sent
        try:
            super().execute(query, params, **options)
        except BaseException as error:
            self._record_failed(query, effects)
            if isinstance(error, errors.InvalidTransactionTermination):
                raise _termination_error(error) from error
            raise
        if not self._may_have_reset_settings(query, effects) and known is not None:
            self._remember_sent(known)

    def _execute_with_settings(
        self, tenant: TenantInfo, query: str, params: Any, options: dict[str, Any], effects: Effects
    ) -> None:
        status = self._conn.pgconn.transaction_status
        alone = self._conn.autocommit and status == _IDLE
        self._is_aborted = status == _INERROR
        settings = self._settings_to_send(tenant)
        self._before, self._settings_sent = settings.encoded, len(settings.each)
        self._ends = effects.ends
        try:
            super().execute(query, params, **options)
        except (errors.ActiveSqlTransaction, errors.InvalidTransactionTermination) as error:
            # CREATE INDEX CONCURRENTLY, VACUUM and their like refuse any transaction, the implicit one included, and
            # so does a COMMIT inside CALL or DO. All that was done is rolled back, so nothing happens twice; but not
            # behind a BEGIN or COMMIT in `query`.
            if not alone or effects.ends or self._conn.pgconn.transaction_status != _IDLE:
                self._record_failed(query, effects)
                if isinstance(error, errors.InvalidTransactionTermination):
                    raise _termination_error(error) from error
                raise
            self._before = b""
            self._execute_outside_transaction(tenant, query, params)
            return
        except BaseException:
            self._record_failed(query, effects)
            raise
        finally:
            self._before = b""
        if not self._may_have_reset_settings(query, effects):
            self._remember_sent(tenant)

    def _execute_outside_transaction(self, tenant: TenantInfo, query: str, params: Any) -> None:
        """Execute what refuses a transaction."""
        if is_discard_all(query):
            super().execute(query)
            self.wrapper.reconfigure_session()
        else:
            self._set_results(self.wrapper.execute_outside_transaction(tenant, query, params))

    def _execute_in_pipeline(
        self, tenant: TenantInfo | None, query: str, params: Any, options: dict[str, Any], effects: Effects
    ) -> None:
        """Queue the settings and the statement. What becomes of them is known later, and by others."""
        pipeline = self._conn._pipeline
        for setting in () if tenant is None else self._settings_to_send(tenant).each:
            pipeline.command_queue.append(partial(self._pgconn.send_query_params, setting.encode(), None))
            pipeline.result_queue.append(None)
        self._record_effects(effects)
        if not query.lstrip()[:6].upper().encode().startswith(_ROWS):
            self._conn.mark_changed()
            report_change(self.wrapper)
        super().execute(query, params, **options)

    def _may_have_reset_settings(self, query: str, effects: Effects) -> bool:
        """Note what the statements that were just sent have left; return whether they may have changed settings."""
        forgotten = effects is not NO_EFFECTS and self._record_effects(effects)
        tags = None
        for result in self._results:
            tag = result.command_status
            if tag is not None and not tag.startswith(_ROWS):
                tags = [*(tags or ()), tag.decode()]
        return self._record_tags(query, tags) or forgotten if tags else forgotten

    def _record_tags(self, query: str, tags: list[str]) -> bool:
        connection = self._conn
        is_lasting = outlives_transaction(query, tags)
        if _RESETTING.isdisjoint(tags) and not is_lasting:
            return False
        report_change(self.wrapper)
        connection.settings_changed = connection.settings_changed or "SET" in tags or "RESET" in tags
        if is_lasting:
            connection.mark_changed()
        return not _RESETTING.isdisjoint(tags)

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Execute `query` once for each of `params_seq`, as psycopg does in a pipeline."""
        with self._settings_sent_first(query):
            super().executemany(query, params_seq, **options)

    def stream(self, query: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        """Iterate over the rows while PostgreSQL still makes them."""
        with self._settings_sent_first(query):
            yield from super().stream(query, params, **options)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Copy]:
        """Start a COPY as the active tenant."""
        with self._settings_sent_first(statement), super().copy(statement, params, **options) as copy:
            yield copy


def _termination_error(error: errors.InvalidTransactionTermination) -> errors.InvalidTransactionTermination:
    """Return the error of a CALL or DO that may not end the transaction it is in, with what to do."""
    return errors.InvalidTransactionTermination(
        f"A procedure or DO block could not end its transaction: {error.diag.message_primary or error}. Call it "
        f"outside transaction.atomic(), by itself, or take COMMIT and ROLLBACK out of it."
    )


class TenantServerSideCursor(_TenantMixin, ServerSideCursor):
    """A named cursor (`QuerySet.iterator()`); its rows are those of the tenant that was active at `execute()`."""

    def __init__(self, wrapper: DatabaseWrapper, name: str) -> None:
        connection = wrapper.connection
        # As Django: outside a transaction the cursor has to outlive its statement.
        super().__init__(connection, name=name, scrollable=False, withhold=connection.autocommit)
        self.wrapper = wrapper
        self._is_held = False
        self._block: Block | None = None
        self._session = 0

    def execute(self, query: Any, params: Any = None, **options: Any) -> TenantServerSideCursor:
        """Declare the cursor as the active tenant; raise `NoActiveTenant` if there is none."""
        self._block, self._session = innermost.get(), self._conn.discards
        with self._settings_sent_first(query):
            super().execute(query, params, **options)
        if self.withhold and not self._is_held:
            self._is_held = True
            self._conn.held_cursors += 1
        return self

    def close(self) -> None:
        """Close the cursor, at the server as well.

        Where that comes late, as by a generator that is forgotten, the cursor may be gone: to close it once more would
        break the transaction that the connection is in by then.
        """
        if self._session != self._conn.discards or self.wrapper.connection is not self._conn:
            DriverCursor.close(self)
            return
        if self._block is not innermost.get():
            self._described = False  # then psycopg looks whether it is there
        super().close()
        if self._is_held:
            self._is_held = False
            self._conn.held_cursors = max(0, self._conn.held_cursors - 1)
