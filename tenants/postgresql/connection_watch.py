"""Rollback of transactions and session state that a request, job or command leaves on its connections.

A connection that begins a transaction, or whose session changes, reports itself to the `Watch` of the current work.
So work that changes nothing costs nothing.
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
    """Ends a block of `transaction.atomic()` that code entered and did not leave; never raised to a caller."""


class Watch:
    """The connections that one request, job or command changed, each with its number of open blocks before."""

    __slots__ = ("connections", "token", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self.connections: dict[Any, int] = {}
        self.token: Token[Watch | None] | None = None

    @property
    def is_needed(self) -> bool:
        """Whether a connection has a transaction or session state to roll back."""
        return any(_has_leftovers(wrapper, depth) for wrapper, depth in self.connections.items())

    def roll_back(self) -> None:
        """Roll back this thread's connections, and log an error for each open transaction."""
        for wrapper, depth in self.connections.items():
            if wrapper._thread_ident == get_ident() and _has_leftovers(wrapper, depth):
                _roll_back(wrapper, depth, self.what)


_watch: ContextVar[Watch | None] = ContextVar("leftovers", default=None)


def begin_watch(what: str) -> Watch:
    """Begin to watch the work that the log calls `what`, such as "a request". Call `end_watch` afterwards."""
    watch = Watch(what)
    resume_watch(watch)
    return watch


def resume_watch(watch: Watch) -> None:
    """Watch again after `end_watch`, for example in another thread or for a streamed body."""
    watch.token = _watch.set(watch)


def end_watch(watch: Watch) -> None:
    """Stop watching. `Watch.roll_back` does the rest, in the thread that has the connections."""
    if _watch.get() is watch and watch.token is not None:
        _watch.reset(watch.token)


@contextmanager
def leftovers_rolled_back(what: str) -> Iterator[None]:
    """Roll back what the work inside the block leaves on this thread's connections."""
    watch = begin_watch(what)
    try:
        yield
    finally:
        watch.roll_back()
        end_watch(watch)


def report_change(wrapper: Any) -> None:
    """Report a connection that begins a transaction or savepoint, or whose session was changed."""
    watch = _watch.get()
    if watch is not None and wrapper not in watch.connections:
        watch.connections[wrapper] = len(wrapper.atomic_blocks)


def close_connections() -> None:
    """Exit all blocks of this thread's connections, and close the connections."""
    for wrapper in connections.all(initialized_only=True):
        if wrapper.in_atomic_block:
            _log(wrapper, "a thread")
            exit_blocks(wrapper, 0)
        wrapper.close()


def exit_blocks(wrapper: Any, depth: int) -> None:
    """Roll back all blocks of `transaction.atomic()` but the first `depth`, the innermost one first."""
    try:
        while len(wrapper.atomic_blocks) > depth:
            error = _BlockLeftOpen()
            wrapper.atomic_blocks[-1].__exit__(_BlockLeftOpen, error, None)
    except Exception as error:  # for example, the server is down, and the transaction ended with it
        logger.info("Rollback of a connection's open blocks failed", exc_info=error)
        if depth == 0:
            drop_connection(wrapper)


def drop_connection(wrapper: Any) -> None:
    """Close a connection and forget its blocks; the next statement opens another one."""
    wrapper.in_atomic_block = False
    wrapper.atomic_blocks, wrapper.savepoint_ids, wrapper.run_on_commit = [], [], []
    wrapper.needs_rollback = wrapper.closed_in_transaction = False
    try:
        wrapper.close()
    finally:
        wrapper.connection = None


def _has_leftovers(wrapper: Any, depth: int) -> bool:
    if len(wrapper.atomic_blocks) > depth:
        return True
    return not wrapper.in_atomic_block and bool(wrapper.needs_reset())


def _roll_back(wrapper: Any, depth: int, what: str) -> None:
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
