"""Taking hold of several tables of a tenant that is open, without ever standing in a deadlock with its shoppers.

Whoever reads and writes a shop takes its tables in any order, so that no order of ours is safe with all of theirs.
Therefore we wait at length only while we hold none of the tables. With some in hand we wait for the next more briefly
than PostgreSQL takes to look for deadlocks; then all are given back, and those who waited for us go on before we try
again, beginning with the table that was not to be had.
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
"""What others may do meanwhile: read, or nothing."""

_BRIEFLY = 0.3
"""Seconds that we wait with tables in hand, all together: less than PostgreSQL's `deadlock_timeout`, which is one."""
_FOR_EVER = 7 * 24 * 3600.0

_LOCK = "LOCK TABLE {table} IN {mode} MODE"


def lock_tables(tables: Collection[str], mode: Mode, seconds: float) -> None:
    """Lock tables of the active tenant until the transaction at hand is over, all of them or none.

    Raises `LockTimeout` if others still have some after `seconds` (0: wait for as long as it takes).
    """
    deadline = time.monotonic() + (seconds or _FOR_EVER)
    order = deque(sorted(tables))
    while refused := _refused(order, mode, deadline):
        if time.monotonic() >= deadline:
            raise LockTimeout(current_tenant().slug, refused, seconds)
        order.remove(refused)
        order.appendleft(refused)
    _wait_at_most(seconds)  # for what is not among these


def is_locked_out(error: BaseException) -> bool:
    """Tell whether an error of the database's says that others have what was to be locked."""
    return isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected))


def _refused(order: Collection[str], mode: Mode, deadline: float) -> str:
    """Lock the tables in this order, or none of them; return the one that was not to be had, or nothing."""
    table = ""
    try:
        with transaction.atomic():  # a savepoint: going back to it gives the locks back
            for table in order:
                _lock(table, mode, deadline - time.monotonic())
                deadline = min(deadline, time.monotonic() + _BRIEFLY)
    except OperationalError as error:
        if not is_locked_out(error):
            raise
        return table
    return ""


def _lock(table: str, mode: Mode, seconds: float) -> None:
    _wait_at_most(max(0.001, seconds))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(_LOCK).format(table=sql.Identifier(table), mode=sql.SQL(mode)))


def _wait_at_most(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(int(seconds * 1000))])
