"""One event loop on a thread of its own, for all calls to other services that a process makes.

Views without `async` have no loop, `async_to_sync` makes one for each call, and an ASGI server's may be blocked by
anybody: on this one, connections, breakers and budgets are the same for all of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Starts the loop when it is first needed, and anew in a child made by fork()."""

    def __init__(self) -> None:
        # Guards the start: calls come on many threads.
        self._lock = Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, from whatever thread, and return what will hold its result."""
        return asyncio.run_coroutine_threadsafe(work, self._running_loop())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is not None and self._pid == os.getpid():
            return self._loop
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                Thread(target=self._loop.run_forever, name="tenants-services", daemon=True).start()
                self._pid = os.getpid()
            return self._loop


background = Background()
