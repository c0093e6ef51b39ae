"""psycopg's connection, which forgets what the server was told as soon as anything goes over the wire."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType

import psycopg
from psycopg import IsolationLevel
from psycopg._preparing import PrepareManager
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from tenants.context import PLATFORM, Block, TenantInfo, innermost
from tenants.postgresql.connection_watch import note
from tenants.postgresql.sql_text import lasts, lasts_if_broken_off, traces_of

if TYPE_CHECKING:
    from psycopg.abc import RV, PQGen
    from psycopg.pq.abc import PGresult


class TenantConnection(psycopg.Connection[Any]):
    """One session of the server.

    `told` is right by construction. All that psycopg sends goes through `wait`, which forgets it: statements of any
    cursor, COPY, pipelines, and the ends of psycopg's transactions. Only a cursor of ours that knows
    what its statement did to the settings notes the tenant again.
    """

    told: TenantInfo | None = None
    """The tenant that the server has been told for the rest of its transaction; None outside transactions."""
    limits_told: tuple[int, ...] = ()
    """The limits of time for statements, in seconds, that may be in force in the transaction."""
    is_touched: bool = False
    """Whether a statement has changed settings in the transaction, or in the session before it."""
    traces: Block | None = None
    """The block in which a statement has first left something in the session: it is cleared when that is over."""
    held_cursors: int = 0
    """How many cursors are open that outlive their transaction."""
    sessions: int = 0
    """How often the session has been discarded."""
    usual_isolation: IsolationLevel | None = None
    """The default isolation level of transactions on this connection."""

    wrapper: ReferenceType[Any] | None = None
    """Django's connection, which has this one."""

    def cursor(self, name: str = "", **options: Any) -> Any:
        """Return a cursor of the driver's own kind; what is left by what it sends is noted."""
        if name and options.get("withhold"):
            self._leave()
        factory = self.cursor_factory
        self.cursor_factory = _noting(factory)
        try:
            return super().cursor(name, **options)
        finally:
            self.cursor_factory = factory

    def note_results(self, text: str, results: list[PGresult]) -> None:
        """Note what statements of the driver's own cursors have left in the session, errors or not."""
        tags = [result.command_status.decode() for result in results if result.command_status]
        if traces_of(text).session or lasts(text, tags) or (len(tags) < len(results) and lasts_if_broken_off(text)):
            self._leave()

    def _leave(self) -> None:
        self._note()
        self.leave_traces()

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Do what `gen` has to do with the server."""
        self.told = None
        return super().wait(gen, interval, timeout)

    def transaction(self, *args: Any, **options: Any) -> Any:
        """Begin a transaction of psycopg, which may be left open like one of Django's."""
        self._note()
        return super().transaction(*args, **options)

    def pipeline(self) -> Any:
        """Begin a pipeline."""
        self._note()
        return super().pipeline()

    def _note(self) -> None:
        wrapper = None if self.wrapper is None else self.wrapper()
        if wrapper is not None:
            note(wrapper)

    def leave_traces(self) -> None:
        """Note that the session is not as it was when it was opened."""
        self.is_touched = True
        if self.traces is None:
            self.traces = innermost.get() or Block(PLATFORM, None)

    @property
    def is_plain(self) -> bool:
        """Whether the session, and psycopg's side of it, are as they were when it was opened, outside a transaction."""
        return (
            self.traces is None
            and not self.held_cursors
            and self._pipeline is None
            and self._read_only is None
            and self._deferrable is None
            and self._isolation_level is self.usual_isolation
            and self.row_factory is tuple_row
            and self.pgconn.transaction_status == TransactionStatus.IDLE
        )

    def make_plain(self) -> bool:
        """Roll back and clear what the session has kept; return whether its settings have to be made again.

        Where there is no way back, it is closed. Raises psycopg's errors; then it is of no use any more.
        """
        status = self.pgconn.transaction_status
        if self._pipeline is not None or self._num_transactions or status == TransactionStatus.ACTIVE:
            self.close()
            return False
        self.rollback()
        self.autocommit = True
        self.read_only = self.deferrable = None
        self.isolation_level = self.usual_isolation
        self.row_factory = tuple_row
        if self.traces is None and not self.held_cursors:
            return False
        self.execute("DISCARD ALL")
        self.forget_session()
        return True

    def forget_session(self) -> None:
        """Note that the session has been discarded."""
        self._prepared = PrepareManager()  # its names are gone with the session's statements
        self.traces, self.held_cursors, self.is_touched = None, 0, False
        self.sessions += 1


class _Noting:
    """Mixed into the driver's cursors."""

    def _check_results(self: Any, results: list[PGresult]) -> None:
        self._conn.note_results(self._query.query.decode(errors="replace"), results)
        super()._check_results(results)  # type: ignore[misc]  # psycopg's


_MIXED = "_sangga_driver_cursor"


def _noting(factory: Any) -> Any:
    if not isinstance(factory, type):
        return factory
    # Kept on the factory: an instrumentation makes one for each connection, and both are collected together.
    mixed = vars(factory).get(_MIXED)
    if mixed is None:
        mixed = type(factory.__name__, (_Noting, factory), {"__module__": factory.__module__})
        setattr(factory, _MIXED, mixed)
    return mixed


driver: Any = SimpleNamespace(**{**vars(psycopg), "connect": TenantConnection.connect})
"""psycopg, as Django's backend sees it: its connections are ours."""
