"""Rollback of what a consumer's last handler left open on its connections.

All consumers of a process use the connections of one thread, so what one leaves open would be in the next one's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from asgiref.sync import sync_to_async

from tenants.postgresql.connection_watch import Watch, begin_watch, end_watch

_watch: ContextVar[Watch | None] = ContextVar("consumer", default=None)


@contextmanager
def consumer_watched(kind: str) -> Iterator[None]:
    """Watch a consumer's work inside the block. `roll_back_leftovers` is called between its messages and at the end."""
    watch = begin_watch(f"a {kind} consumer")
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)
        end_watch(watch)


async def roll_back_leftovers() -> None:
    """Roll back what the current consumer has left open; nothing outside a consumer."""
    watch = _watch.get()
    if watch is not None and watch.is_needed:  # the connections are those of the thread that synchronous code ran in
        await sync_to_async(watch.roll_back)()
