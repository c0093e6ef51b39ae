"""Table locks of an active tenant, taken without a deadlock with its requests.

Requests lock tables in any order, so no fixed order avoids deadlocks. The first table is waited for as long as
necessary, and the others for less than PostgreSQL's `deadlock_timeout`. If that fails, all locks are released, the
waiting requests continue, and the next attempt begins with the table that was locked.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from typing import Literal

from django.db import OperationalError, connection, transaction
from psycopg import errors, sql

from tenants.context import current_tenant
from tenants.errors import LockTimeout

Mode = Literal["EXCLUSIVE", "ACCESS EXCLUSIVE"]
"""EXCLUSIVE lets other sessions read, ACCESS EXCLUSIVE nothing."""

_BRIEF_SECONDS = 0.3
"""Total wait while some tables are locked; `deadlock_timeout` is one second."""
_FOREVER_SECONDS = 7 * 24 * 3600.0

_LOCK = "LOCK TABLE {table} IN {mode} MODE"


def lock_tables(tables: Collection[str], mode: Mode, seconds: float) -> None:
    """Lock all `tables` of the active tenant, or none of them, until the current transaction ends.

    Raises `LockTimeout` after `seconds`; with 0 there is no timeout.
    """
    deadline = time.monotonic() + (seconds or _FOREVER_SECONDS)
    order = deque(sorted(tables))
    while locked := _try_lock(order, mode, deadline):
        if time.monotonic() >= deadline:
            raise LockTimeout(current_tenant().slug, locked, seconds)
        order.remove(locked)
        order.appendleft(locked)
    _set_lock_timeout(seconds)  # for later statements of the transaction


def is_locked_out(error: BaseException) -> bool:
    """Return whether a database error was caused by locks of other sessions."""
    return isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected))


def _try_lock(order: Collection[str], mode: Mode, deadline: float) -> str:
    """Lock all tables and return an empty string, or lock none and return the one that another session has locked."""
    table = ""
    try:
        with transaction.atomic():  # rolling back to the savepoint releases the locks
            for table in order:
                _lock(table, mode, deadline - time.monotonic())
                deadline = min(deadline, time.monotonic() + _BRIEF_SECONDS)
    except OperationalError as error:
        if not is_locked_out(error):
            raise
        return table
    return ""


def _lock(table: str, mode: Mode, seconds: float) -> None:
    _set_lock_timeout(max(0.001, seconds))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(_LOCK).format(table=sql.Identifier(table), mode=sql.SQL(mode)))


def _set_lock_timeout(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(int(seconds * 1000))])
