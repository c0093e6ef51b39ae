"""Threads that work for the tenant whose request, command or job started them."""

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
    """Call `function` with each of `items` in threads that act for the active tenant; return what it gives, in order.

    The calls have the caller's context variables, language and time zone, and a copy of its decimal context. Each
    thread has a database connection of its own, outside the caller's transaction, and gives it back. An error of a
    call is raised here, when those that were begun have ended; others are not begun. Raises
    `NoActiveTenant` if no tenant is active.
    """
    current_tenant()
    place = translation.get_language(), timezone.get_current_timezone()

    def call(item: T) -> R:
        # The context variable is copied, the decimal context in it is not.
        setcontext(getcontext().copy())
        # Outside requests Django keeps these two per thread, and not in the context.
        with translation.override(place[0]), timezone.override(place[1]):
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
