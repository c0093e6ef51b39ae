"""Patch of `transaction.atomic()`: each block ends itself and no other block."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import TransactionManagementError

from tenants.postgresql.connection_watch import exit_blocks


def end_own_block(original: Any) -> Any:
    @wraps(original)
    def __exit__(self: Any, exc_type: Any, exc_value: Any, traceback: Any) -> None:  # noqa: N807
        # Django ends the innermost block. Code may have left another one open inside this one. Or this one was rolled
        # back before, where a generator is closed in another request.
        wrapper = connections[DEFAULT_DB_ALIAS if self.using is None else self.using]
        blocks = wrapper.atomic_blocks
        if blocks and blocks[-1] is not self and self in blocks:
            is_doomed = wrapper.needs_rollback
            is_lost = exc_type is None and not is_doomed
            exit_blocks(wrapper, len(blocks) - blocks[::-1].index(self))
            wrapper.needs_rollback = wrapper.needs_rollback or is_doomed
            error = _block_left_open() if is_lost else exc_value
            original(self, type(error) if is_lost else exc_type, error, traceback)
            if is_lost:
                raise error
        elif self in blocks or not (wrapper.in_atomic_block or exc_type):
            original(self, exc_type, exc_value, traceback)
        elif exc_type is None:
            raise TransactionManagementError(
                "Commit failed: the transaction was rolled back when the request, job or command that began it ended. "
                "Leave transaction.atomic() before that."
            )

    return __exit__


def _block_left_open() -> TransactionManagementError:
    return TransactionManagementError(
        "Commit failed: a block inside this one was entered and not left, so all of it was rolled back. Enter "
        "transaction.atomic() with `with`, or as a decorator."
    )
