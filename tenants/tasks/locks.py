"""Advisory locks of operations and of the queue, held by a session, so that they end with the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.db import connection
from psycopg import sql

from tenants.postgresql.direct_connection import connect_directly

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

LOCK_SPACE = 0x5A7
"""First key of these advisory locks. The second key is the operation's id."""

QUEUE_LOCK = 0
"""The second key of the queue's lock; no operation has this id."""

_LOCK_TIMEOUT = "2s"
"""The worker that puts an operation back into the queue may hold its lock a moment longer."""

_HELD = """
SELECT objid::bigint FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted AND datname = current_database()
"""


@contextmanager
def operation_lock(operation_id: int) -> Iterator[psycopg.Connection[Any] | None]:
    """Lock an operation, and give the session that holds the lock, or None if another session holds it."""
    with closing(connect_directly()) as session:
        if owner := cast("DatabaseWrapper", connection).owner_role:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
        session.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_TIMEOUT])
        try:
            session.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, operation_id])
        except psycopg.errors.LockNotAvailable:
            yield None
            return
        yield session


def locked_operations() -> set[int]:
    """Return the ids of the operations that are running."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [LOCK_SPACE])
        return {operation_id for (operation_id,) in cursor.fetchall()}


def lock_queue() -> None:
    """Lock the queue against other changes until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, QUEUE_LOCK])
