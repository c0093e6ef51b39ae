"""Make the k-th message to PostgreSQL fail, on any connection and thread.

psycopg hands every message – statement, COMMIT, ROLLBACK, COPY – to `Connection.wait`; that is where they are counted.
The failure is a real one: an error that PostgreSQL gives, or a socket that is shut.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from threading import Lock, current_thread
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

_COPY_IN = frozenset({"copy_to", "copy_end"})
"""psycopg's generators that send rows."""


class Fault(Enum):
    """How a message fails; the value is the error text of PostgreSQL or libpq, as a regular expression."""

    ERROR = "division by zero"
    TIMEOUT = "statement timeout"
    CUT = (
        "server closed the connection|connection (?:is|was|has been)? ?(?:lost|closed)|could not (?:send|receive) data"
    )

    @property
    def statement(self) -> bytes:
        """What is sent in the place of the message."""
        if self is Fault.ERROR:
            return b"SELECT 1/0"
        return b"SET LOCAL statement_timeout = 1; SELECT pg_sleep(60)"


class Messages:
    """Counts messages, and makes one of them fail."""

    def __init__(self, fault: Fault | None = None, at: int = -1) -> None:
        self.fault = fault
        self.at = at
        """Which one fails, counted from 0; -1: none."""
        self.sent = 0
        self.failed = ""
        """Name of psycopg's generator for the failed message; empty: none failed."""
        self._lock = Lock()

    def wait(self, plain: Callable[..., Any], connection: Any, generator: Any, *args: Any) -> Any:
        """Replacement of `Connection.wait`."""
        # The pool's threads serve all connections, and autocommit is switched without a message.
        is_other = current_thread().name.startswith("pool-") or generator.__name__ == "_set_autocommit_gen"
        if is_other or not self._is_next(connection, generator):
            return plain(connection, generator, *args)
        if self.fault is Fault.CUT:
            _shut(connection.pgconn)
            return plain(connection, generator, *args)
        assert self.fault is not None
        copies = generator.__name__ in _COPY_IN
        generator.close()
        result = _end_copy(connection.pgconn, self.fault) if copies else connection.pgconn.exec_(self.fault.statement)
        raise psycopg.errors.error_from_result(result, encoding=connection.info.encoding)

    def _is_next(self, connection: Any, generator: Any) -> bool:
        """Count a message if it can fail in this way; tell whether it is the one that does."""
        if self.fault is not Fault.CUT and not _may_be_refused(connection, generator):
            return False
        with self._lock:
            self.sent += 1
            if self.sent - 1 != self.at:
                return False
            self.failed = generator.__name__
            return True


def _may_be_refused(connection: Any, generator: Any) -> bool:
    """Tell whether PostgreSQL could return an error: not for a rollback, nor in a failed transaction."""
    is_lost = connection.pgconn.transaction_status == TransactionStatus.INERROR
    return not is_lost and "rollback" not in generator.__name__


def _end_copy(pgconn: Any, fault: Fault) -> Any:
    """Make the server refuse the rows of a COPY; return its error."""
    pgconn.put_copy_end(fault.value.encode())
    result = pgconn.get_result()
    while pgconn.get_result() is not None:
        pass
    return result


def _shut(pgconn: Any) -> None:
    with socket.socket(fileno=os.dup(pgconn.socket)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


@contextmanager
def watched(messages: Messages) -> Iterator[Messages]:
    """Count, and inject the fault, inside the block."""
    plain = psycopg.Connection.wait

    def wait(connection: Any, generator: Any, *args: Any) -> Any:
        return messages.wait(plain, connection, generator, *args)

    psycopg.Connection.wait = wait  # type: ignore[method-assign]
    try:
        yield messages
    finally:
        psycopg.Connection.wait = plain  # type: ignore[method-assign]
