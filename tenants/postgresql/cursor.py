"""Cursor that sends the tenant's search path and role with each statement, so that no connection keeps a tenant.

Outside a transaction, and for the first statement of one, the cursor sends one simple-protocol message::

    SET LOCAL search_path = "t_7", "extensions", pg_temp; SET LOCAL ROLE "sangga_t_7";
    SELECT …

A tenant with a statement timeout has it as a third setting. `pg_temp` comes last, so that no temporary table hides one
of the schema.

PostgreSQL runs the statements of one message in one implicit transaction ("Multiple Statements in a Simple Query").
So the settings end with the statement, or with the transaction that it began. Inside a transaction they are sent again
only where the server may have lost them: after a change of tenant, and after anything that this cursor did not send
(`tenants.postgresql.psycopg_connection`). In a pipeline each setting is a separate message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg import errors
from psycopg.copy import Copy
from psycopg.pq import ExecStatus

from tenants.context import TenantInfo
from tenants.postgresql.connection_watch import report_change
from tenants.postgresql.cursor_mixin import IDLE, INERROR, Cursor, TenantCursorMixin
from tenants.postgresql.sql_text import (
    NO_EFFECTS,
    Effects,
    effects_of,
    is_discard_all,
    outlives_transaction,
    with_settings_after_ends,
)

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

# These only change the transaction, and need no tenant.
_TRANSACTION_CONTROL = re.compile(
    r'(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) "?\w+"?|SET CONSTRAINTS ALL (?:IMMEDIATE|DEFERRED)'
)

# PostgreSQL's command tags of statements that leave the settings unchanged.
_ROWS = (b"SELECT", b"INSERT", b"UPDATE", b"DELETE")
# After these the server may have other settings than the cursor sent.
_RESETTING = frozenset({"SET", "RESET", "BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "DO", "CALL"})
_ENDING = frozenset({"COMMIT", "ROLLBACK", "PREPARE TRANSACTION"})


class TenantCursor(TenantCursorMixin, Cursor):
    """A client-side cursor. Each statement runs as the tenant that is active when it is executed."""

    def __init__(self, wrapper: DatabaseWrapper) -> None:
        super().__init__(wrapper.connection)
        self.wrapper = wrapper
        self._before = b""
        self._settings_sent = 0
        self._ends = False
        self._is_aborted = False

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        # The settings are added here, behind psycopg's merge of parameters. psycopg caches what it parses by the text
        # of the statement (128 entries for the process), and that text is the same for all tenants.
        if binary or (binary is None and self.format):
            raise errors.NotSupportedError(
                "Binary results failed: the tenant's settings are sent with the statement, and such a message returns "
                "text. Leave out binary=True."
            )
        if not self._before:
            super()._execute_send(query, force_extended=force_extended, binary=binary)
            return
        self._query = query
        text = query.query
        if self._ends:
            text = with_settings_after_ends(text.decode(), self._before.decode()).encode()
        # An aborted transaction accepts no settings, only its end.
        self._pgconn.send_query(text if self._is_aborted else self._before + text)

    def _set_results(self, results: list[Any]) -> None:
        """Keep only the results of the statements: each setting has a result before them."""
        if self._before:
            results = self._without_settings(results) if self._ends else results[self._settings_sent :]
            # An empty statement behind others has no result.
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
            self._record_unfinished(query, effects)
            if isinstance(error, errors.InvalidTransactionTermination):
                raise _termination_error(error) from error
            raise
        if not self._record_results(query, effects) and known is not None:
            self._remember_sent(known)

    def _execute_with_settings(
        self, tenant: TenantInfo, query: str, params: Any, options: dict[str, Any], effects: Effects
    ) -> None:
        status = self._conn.pgconn.transaction_status
        alone = self._conn.autocommit and status == IDLE
        self._is_aborted = status == INERROR
        settings = self._settings_to_send(tenant)
        self._before, self._settings_sent = settings.encoded, len(settings.each)
        self._ends = effects.ends
        try:
            super().execute(query, params, **options)
        except (errors.ActiveSqlTransaction, errors.InvalidTransactionTermination) as error:
            # CREATE INDEX CONCURRENTLY, VACUUM and others refuse the implicit transaction of the message. So does a
            # COMMIT inside CALL or DO. PostgreSQL has rolled everything back, so a second attempt repeats nothing;
            # unless a BEGIN or COMMIT in `query` came before.
            if not alone or effects.ends or self._conn.pgconn.transaction_status != IDLE:
                self._record_unfinished(query, effects)
                if isinstance(error, errors.InvalidTransactionTermination):
                    raise _termination_error(error) from error
                raise
            self._before = b""
            self._execute_outside_transaction(tenant, query, params)
            return
        except BaseException:
            self._record_unfinished(query, effects)
            raise
        finally:
            self._before = b""
        if not self._record_results(query, effects):
            self._remember_sent(tenant)

    def _execute_outside_transaction(self, tenant: TenantInfo, query: str, params: Any) -> None:
        if is_discard_all(query):
            super().execute(query)
            self.wrapper.reconfigure_session()
        else:
            self._set_results(self.wrapper.execute_outside_transaction(tenant, query, params))

    def _execute_in_pipeline(
        self, tenant: TenantInfo | None, query: str, params: Any, options: dict[str, Any], effects: Effects
    ) -> None:
        """Queue the settings and the statement. psycopg reads their results later."""
        pipeline = self._conn._pipeline
        for setting in () if tenant is None else self._settings_to_send(tenant).each:
            pipeline.command_queue.append(partial(self._pgconn.send_query_params, setting.encode(), None))
            pipeline.result_queue.append(None)
        self._record_effects(effects)
        if not query.lstrip()[:6].upper().encode().startswith(_ROWS):
            self._mark_changed()
        super().execute(query, params, **options)

    def _record_results(self, query: str, effects: Effects) -> bool:
        """Record what the executed statements changed; return whether that includes the tenant's settings."""
        reset = effects is not NO_EFFECTS and self._record_effects(effects)
        tags = None
        for result in self._results:
            tag = result.command_status
            if tag is not None and not tag.startswith(_ROWS):
                tags = [*(tags or ()), tag.decode()]
        return self._record_tags(query, tags) or reset if tags else reset

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
        with self._settings_sent_first(query):
            super().executemany(query, params_seq, **options)

    def stream(self, query: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        with self._settings_sent_first(query):
            yield from super().stream(query, params, **options)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Copy]:
        with self._settings_sent_first(statement), super().copy(statement, params, **options) as copy:
            yield copy


def _termination_error(error: errors.InvalidTransactionTermination) -> errors.InvalidTransactionTermination:
    return errors.InvalidTransactionTermination(
        f"A procedure or DO block could not end its transaction: {error.diag.message_primary or error}. Call it "
        f"outside transaction.atomic(), by itself, or take COMMIT and ROLLBACK out of it."
    )
