"""Threads that run as the tenant of the request, command or job that starts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import getcontext, setcontext
from typing import TypeVar

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
