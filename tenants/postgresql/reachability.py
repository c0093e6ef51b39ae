"""Reachability of the server, checked by one connection outside the pool.

If the server is down, a pool waits and raises the same `PoolTimeout` as if all connections were in use.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from tenants.errors import ConfigurationError

FAILED_SECONDS = 1.0
"""Time for which other threads get the error of a failed attempt, and make none of their own."""
CONNECT_SECONDS = 5
"""Timeout of an attempt, if OPTIONS has no `connect_timeout`."""


class ServerReachability:
    """Result of the last check of one pool's server; thread-safe."""

    def __init__(self) -> None:
        # One thread at a time makes an attempt.
        self._lock = Lock()
        self._failure: psycopg.OperationalError | ConfigurationError | None = None
        self._failed_at = 0.0
        self.is_unconfirmed = True
        """Whether the last attempt failed, or there was none."""

    def check(self, connect: Callable[[dict[str, Any]], Any], params: dict[str, Any]) -> None:
        """Open and close a connection; raise the error of `connect`, or the one that it raised within a second."""
        with self._lock:
            if self._failure is None or time.monotonic() - self._failed_at > FAILED_SECONDS:
                self._try(connect, {"connect_timeout": CONNECT_SECONDS} | params)
            if self._failure is not None:
                raise type(self._failure)(str(self._failure))

    def forget(self) -> None:
        """Make an attempt at the next check, for example after the server was started."""
        with self._lock:
            self._failure = None

    def _try(self, connect: Callable[..., Any], params: dict[str, Any]) -> None:
        self._failure = None
        try:
            connect(params).close()
        except (psycopg.OperationalError, ConfigurationError) as error:
            self._failure = error.with_traceback(None)
            self._failed_at = time.monotonic()
        self.is_unconfirmed = self._failure is not None


_reachabilities: WeakKeyDictionary[Any, ServerReachability] = WeakKeyDictionary()


def reachability_of(pool: Any) -> ServerReachability:
    return _reachabilities.setdefault(pool, ServerReachability())
