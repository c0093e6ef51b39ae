"""Connection class of psycopg that records the tenant and the session state of the server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ReferenceType

import psycopg
from psycopg import IsolationLevel
from psycopg._preparing import PrepareManager
from psycopg.pq import TransactionStatus

from tenants.context import PLATFORM, Block, TenantInfo, innermost
from tenants.postgresql.connection_watch import report_change
from tenants.postgresql.sql_text import effects_of, outlives_failure, outlives_transaction

if TYPE_CHECKING:
    from psycopg.abc import RV, PQGen
    from psycopg.pq.abc import PGresult


class DriverState(NamedTuple):
    """Attributes of a connection in psycopg, which code can change without a statement."""

    isolation_level: IsolationLevel | None
    read_only: bool | None
    deferrable: bool | None
    row_factory: Any
    cursor_factory: Any
    server_cursor_factory: Any
    prepare_threshold: int | None
    prepared_max: int
    notice_handlers: tuple[Any, ...]
    notify_handlers: tuple[Any, ...]

    @classmethod
    def of(cls, connection: psycopg.Connection[Any]) -> DriverState:
        prepared = connection._prepared
        return cls(
            connection._isolation_level,
            connection._read_only,
            connection._deferrable,
            connection.row_factory,
            connection.cursor_factory,
            connection.server_cursor_factory,
            prepared.prepare_threshold,
            prepared.prepared_max,
            tuple(connection._notice_handlers),
            tuple(connection._notify_handlers),
        )

    def restore(self, connection: psycopg.Connection[Any]) -> None:
        """Set the attributes again, outside a transaction."""
        for name in self._fields[:-4]:
            setattr(connection, name, getattr(self, name))
        connection._prepared.prepare_threshold = self.prepare_threshold
        connection._prepared.prepared_max = self.prepared_max
        connection._notice_handlers[:] = self.notice_handlers
        connection._notify_handlers[:] = self.notify_handlers


class TenantConnection(psycopg.Connection[Any]):
    """One session of the server.

    `tenant_sent` cannot be outdated. All that psycopg sends goes through `wait`, which clears it: statements of any
    cursor, COPY, pipelines, and the ends of psycopg's transactions. Only `TenantCursor` sets it again, where it knows
    that its statement left the settings as they were.
    """

    tenant_sent: TenantInfo | None = None
    """The tenant whose settings the server has until its transaction ends; None outside transactions."""
    timeouts_sent: tuple[int, ...] = ()
    """The statement timeouts, in seconds, one of which may be in force in the transaction."""
    settings_changed: bool = False
    """Whether a statement changed settings in the transaction, or in the session before it."""
    changed_in: Block | None = None
    """The tenant context in which a statement first changed the session. The session is reset when that has ended."""
    held_cursors: int = 0
    """Number of open cursors WITH HOLD."""
    discards: int = 0
    """Number of times that the session was discarded."""
    initial: DriverState | None = None
    """The attributes of psycopg that the connection had when it was opened, or taken from the pool."""
    wrapper: ReferenceType[Any] | None = None
    """The `DatabaseWrapper` that has this connection."""

    def cursor(self, name: str = "", **options: Any) -> Any:
        """Return a plain cursor of psycopg whose statements are recorded as well."""
        if name and options.get("withhold"):
            self._session_changed()
        factory = self.cursor_factory
        self.cursor_factory = _recording(factory)
        try:
            return super().cursor(name, **options)
        finally:
            self.cursor_factory = factory

    def record_results(self, text: str, results: list[PGresult]) -> None:
        """Record whether statements of a plain cursor changed the session, failed ones included."""
        tags = [result.command_status.decode() for result in results if result.command_status]
        if (
            effects_of(text).session
            or outlives_transaction(text, tags)
            or (len(tags) < len(results) and outlives_failure(text))
        ):
            self._session_changed()

    def _session_changed(self) -> None:
        self._report()
        self.mark_changed()

    def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:  # other arguments in each minor version
        self.tenant_sent = None
        return super().wait(gen, *args, **options)

    def transaction(self, *args: Any, **options: Any) -> Any:
        self._report()
        return super().transaction(*args, **options)

    def pipeline(self) -> Any:
        self._report()
        return super().pipeline()

    def _report(self) -> None:
        wrapper = None if self.wrapper is None else self.wrapper()
        if wrapper is not None:
            report_change(wrapper)

    def mark_changed(self) -> None:
        self.settings_changed = True
        if self.changed_in is None:
            self.changed_in = innermost.get() or Block(PLATFORM, None)

    @property
    def is_clean(self) -> bool:
        """Whether the session and psycopg's attributes are those of a new connection, outside a transaction."""
        return (
            self.changed_in is None
            and not self.held_cursors
            and self._pipeline is None
            and DriverState.of(self) == self.initial
            and self.pgconn.transaction_status == TransactionStatus.IDLE
        )

    def reset_session(self) -> bool:
        """Roll back and discard the session state; return whether the session has to be configured again.

        Closes a session that cannot be reset. After an error of psycopg the connection cannot be used any more.
        """
        status = self.pgconn.transaction_status
        if self._pipeline is not None or self._num_transactions or status == TransactionStatus.ACTIVE:
            self.close()
            return False
        self.rollback()
        self.autocommit = True
        if self.initial is not None:
            self.initial.restore(self)
        if self.changed_in is None and not self.held_cursors:
            return False
        self.execute("DISCARD ALL")
        self.mark_discarded()
        return True

    def mark_discarded(self) -> None:
        """Record that the session was discarded."""
        # DISCARD dropped the prepared statements that psycopg remembers. With psycopg's own threshold it would count
        # statements, and keep the text of a hundred.
        threshold, maximum = self.prepare_threshold, self.prepared_max
        self._prepared = PrepareManager()
        self.prepare_threshold, self.prepared_max = threshold, maximum
        self.changed_in, self.held_cursors, self.settings_changed = None, 0, False
        self.discards += 1


class _RecordingMixin:
    """Mixin of psycopg's cursors."""

    def _check_results(self: Any, results: list[PGresult]) -> None:
        self._conn.record_results(self._query.query.decode(errors="replace"), results)
        super()._check_results(results)  # type: ignore[misc]  # psycopg's


_MIXED = "_sangga_driver_cursor"


def _recording(factory: Any) -> Any:
    if not isinstance(factory, type):
        return factory
    # Kept on the factory: an instrumentation makes one for each connection, and both are freed together.
    mixed = vars(factory).get(_MIXED)
    if mixed is None:
        mixed = type(factory.__name__, (_RecordingMixin, factory), {"__module__": factory.__module__})
        setattr(factory, _MIXED, mixed)
    return mixed


driver: Any = SimpleNamespace(**{**vars(psycopg), "connect": TenantConnection.connect})
"""The module psycopg as Django's backend uses it, with `TenantConnection` as the connection class."""
