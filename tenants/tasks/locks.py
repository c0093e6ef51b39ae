"""Who has an operation in hand: a lock of the session of whoever does it, which ends with the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg
from django.db import connection
from psycopg import sql

from tenants.postgresql.direct_connection import connect_directly

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

LOCK_SPACE = 0x5A7
"""First half of the key of these advisory locks; the second is the operation's id."""

BOOKKEEPING = 0
"""The id under which those lock who change what is in the queue; no operation has it."""

_PATIENCE = "2s"
"""How long a claim is waited for: whoever puts an operation back into the queue may hold it a moment longer."""

_HELD = """
SELECT objid::bigint FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted AND datname = current_database()
"""


@contextmanager
def claimed(operation_id: int) -> Iterator[psycopg.Connection[Any] | None]:
    """Hold the claim on an operation; give the session that holds it, or None if somebody else does."""
    with connect_directly() as session:
        if owner := cast("DatabaseWrapper", connection).owner_role:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
        session.execute("SELECT set_config('lock_timeout', %s, false)", [_PATIENCE])
        try:
            session.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, operation_id])
        except psycopg.errors.LockNotAvailable:
            yield None
            return
        yield session


def held_claims() -> set[int]:
    """Return the ids of the operations that somebody has in hand."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [LOCK_SPACE])
        return {operation_id for (operation_id,) in cursor.fetchall()}


def lock_bookkeeping() -> None:
    """Let nobody else change what is in the queue until the transaction at hand is over."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, BOOKKEEPING])
