"""Threads that act for the active tenant, and event loops on threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from decimal import getcontext, setcontext
from threading import Thread
from typing import Any, TypeVar

from django.utils import timezone, translation

from tenants.context import current_tenant
from tenants.postgresql.connection_watch import close_connections

T = TypeVar("T")
R = TypeVar("R")


def run_in_threads(function: Callable[[T], R], items: Iterable[T], *, threads: int = 4) -> list[R]:
    """Call `function` with each of `items` in threads, as the active tenant; return the results in order.

    Calls have the caller's context variables, language and time zone, and a copy of its decimal context. Each call has
    its own database connection, outside the caller's transaction, and closes it. If a call raises, no further calls
    start, and the error is raised here when the running ones have ended. Raises `NoActiveTenant` without a tenant.
    """
    current_tenant()
    language, zone = translation.get_language(), timezone.get_current_timezone()

    def call(item: T) -> R:
        # Copying the context variables does not copy the decimal context in one of them.
        setcontext(getcontext().copy())
        # Django stores these two per thread, not in context variables, outside requests.
        with translation.override(language), timezone.override(zone):
            try:
                return function(item)
            finally:
                close_connections()

    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(copy_context().run, call, item) for item in items]
        try:
            return [each.result() for each in calls]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class EventLoopThread:
    """An event loop on a daemon thread, to which any thread submits coroutines."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._pid = os.getpid()
        self.loop = loop or asyncio.new_event_loop()
        self._thread = Thread(target=Context().run, args=(self.run,), name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the loop runs. A child process made by fork() has this object but not its thread."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def run(self) -> None:
        """Run the loop; called on the thread."""
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop, with the context variables of the caller."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)
