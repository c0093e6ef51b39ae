"""Whether the server can be reached: asked with one connection past the pool, which would only wait and say "busy"."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from tenants.errors import ConfigurationError

FAILED_SECONDS = 1.0
"""How long a failed attempt is an answer for everybody else who wants a connection."""
CONNECT_SECONDS = 5
"""How long one attempt may take, where the settings name no `connect_timeout`."""


class ServerReachability:
    """What is known of one pool's server. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards the attempts: of all threads that want a connection, one tries.
        self._lock = Lock()
        self._failure: psycopg.OperationalError | ConfigurationError | None = None
        self._failed_at = 0.0
        self.is_unconfirmed = True
        """Whether no attempt has succeeded since the last one failed, or since the start."""

    def check(self, connect: Callable[[dict[str, Any]], Any], params: dict[str, Any]) -> None:
        """Connect once, and close that; raise what `connect` raises, or has raised within the last second."""
        with self._lock:
            if self._failure is None or time.monotonic() - self._failed_at > FAILED_SECONDS:
                self._try(connect, {"connect_timeout": CONNECT_SECONDS} | params)
            if self._failure is not None:
                raise type(self._failure)(str(self._failure))

    def forget(self) -> None:
        """Ask again at the next check: the server was started."""
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
    """Return what is known of a pool's server."""
    return _reachabilities.setdefault(pool, ServerReachability())
