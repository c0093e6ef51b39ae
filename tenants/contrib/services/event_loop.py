"""Event loop of the service client: one thread per process, so that all callers share connections and breakers.

Synchronous views have no loop, `async_to_sync` makes one for each call, and other code may block an ASGI server's loop.
"""

from __future__ import annotations

from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

from tenants.threads import EventLoopThread

T = TypeVar("T")


class BackgroundLoop:
    """Starts its thread at the first call, and again in a child process made by fork()."""

    def __init__(self) -> None:
        # Guards the start: calls come from many threads.
        self._lock = Lock()
        self._thread: EventLoopThread | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; callable from any thread."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive:
                self._thread = EventLoopThread("tenants-services")
        return self._thread.submit(work)


background_loop = BackgroundLoop()
