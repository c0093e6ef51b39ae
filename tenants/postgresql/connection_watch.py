"""Transactions and session state that code leaves on a connection: found and rolled back when its work has ended.

The work is a request, a job, a command or an item of a thread pool. A connection that begins a transaction, or whose
session is changed, reports itself to the `Watch` of the work; so work that leaves nothing costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from threading import get_ident
from typing import Any

from django.db import connections

from tenants.context import active_tenant

logger = logging.getLogger(__name__)


class _BlockLeftOpen(Exception):
    """Ends a block that code has entered and not left; no caller sees it."""


class Watch:
    """The connections that a piece of work has changed, each with how deep in blocks it was before."""

    __slots__ = ("connections", "token", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self.connections: dict[Any, int] = {}
        self.token: Token[Watch | None] | None = None

    @property
    def is_needed(self) -> bool:
        """Whether a connection has something left on it."""
        return any(_is_left(wrapper, depth) for wrapper, depth in self.connections.items())

    def settle(self) -> None:
        """Roll back what was left open on this thread's connections, with an error in the log for each."""
        for wrapper, depth in self.connections.items():
            if wrapper._thread_ident == get_ident() and _is_left(wrapper, depth):
                _settle(wrapper, depth, self.what)


_watch: ContextVar[Watch | None] = ContextVar("leftovers", default=None)


def begin_watch(what: str) -> Watch:
    """Begin to watch the work `what`, as the log calls it; end with `end_watch`."""
    watch = Watch(what)
    resume_watch(watch)
    return watch


def resume_watch(watch: Watch) -> None:
    """Watch on; end with `end_watch`."""
    watch.token = _watch.set(watch)


def end_watch(watch: Watch) -> None:
    """Watch no longer. Connections are settled by `Watch.settle`, in the thread that has them."""
    if _watch.get() is watch and watch.token is not None:
        _watch.reset(watch.token)


@contextmanager
def leftovers_rolled_back(what: str) -> Iterator[None]:
    """Roll back at the end of the block what the work in it has left open on this thread's connections."""
    watch = begin_watch(what)
    try:
        yield
    finally:
        watch.settle()
        end_watch(watch)


def report_change(wrapper: Any) -> None:
    """Report that a connection is about to begin a transaction or a savepoint, or that its session was changed."""
    watch = _watch.get()
    if watch is not None and wrapper not in watch.connections:
        watch.connections[wrapper] = len(wrapper.atomic_blocks)


def close_connections() -> None:
    """Close this thread's connections in any state, and leave all blocks that they are in."""
    for wrapper in connections.all(initialized_only=True):
        if wrapper.in_atomic_block:
            _log(wrapper, "a thread")
            exit_blocks(wrapper, 0)
        wrapper.close()


def exit_blocks(wrapper: Any, depth: int) -> None:
    """Leave all blocks of `transaction.atomic()` but the first `depth`, as if each had raised, from the inside out."""
    try:
        while len(wrapper.atomic_blocks) > depth:
            error = _BlockLeftOpen()
            wrapper.atomic_blocks[-1].__exit__(_BlockLeftOpen, error, None)
    except Exception as error:  # the server is away, for example: then there is nothing to roll back
        logger.info("The blocks of a connection could not be left in order", exc_info=error)
        if depth == 0:
            drop_connection(wrapper)


def drop_connection(wrapper: Any) -> None:
    """Drop a connection together with every block it is in; the next statement opens another one."""
    wrapper.in_atomic_block = False
    wrapper.atomic_blocks, wrapper.savepoint_ids, wrapper.run_on_commit = [], [], []
    wrapper.needs_rollback = wrapper.closed_in_transaction = False
    try:
        wrapper.close()
    finally:
        wrapper.connection = None


def _is_left(wrapper: Any, depth: int) -> bool:
    if len(wrapper.atomic_blocks) > depth:
        return True
    return not wrapper.in_atomic_block and bool(wrapper.needs_reset())


def _settle(wrapper: Any, depth: int, what: str) -> None:
    if len(wrapper.atomic_blocks) > depth:
        _log(wrapper, what)
        exit_blocks(wrapper, depth)
    if not wrapper.in_atomic_block:
        wrapper.reset_after(what)


def _log(wrapper: Any, what: str) -> None:
    logger.error(
        "%s of %s left a transaction open on the connection %r: it was rolled back, and what it wrote is lost. "
        "Enter transaction.atomic() with `with`, or as a decorator.",
        what[:1].upper() + what[1:],
        active_tenant() or "no tenant",
        wrapper.alias,
    )
