"""One message for a tenant that stands where another stood before: claim, check, script and record in one.

Several statements in one message are one transaction, so the guard at its head can call all of it off.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from django.db import DatabaseError, OperationalError, connection
from psycopg import sql

from tenants.context import TenantInfo
from tenants.errors import TakenElsewhere
from tenants.migrator.graph import Key
from tenants.migrator.records import LOCK_SPACE
from tenants.migrator.scripts import Script, send

_TAKEN = "SG001"
"""The SQLSTATE with which the guard says that another run has the tenant in hand."""

_GUARD = """
SET LOCAL lock_timeout = {milliseconds};
DO $guard$ BEGIN
    IF NOT pg_try_advisory_xact_lock({space}, {tenant}) THEN
        RAISE 'taken by another run' USING ERRCODE = 'SG001';
    END IF;
    IF (SELECT md5(string_agg(app || '.' || name, ' ' ORDER BY app COLLATE "C", name COLLATE "C"))
          FROM django_migrations) IS DISTINCT FROM {digest} THEN
        RAISE 'other migrations are applied' USING ERRCODE = 'SG002';
    END IF;
END $guard$;
"""


def migrate_express(tenant: TenantInfo, recorded: frozenset[Key], script: Script, closing: str, wait: float) -> bool:
    """Send a script and what records it, if it is all SQL and just `recorded` is applied; return whether it was done.

    `wait` is how many seconds a statement may wait for a lock; 0: without end. If it was not done, nothing was. Raises
    `TakenElsewhere`, or `OperationalError` for a lock that was not to be had or a lost connection.
    """
    if connection.in_atomic_block or not script.is_one_message:
        return False
    guard = sql.SQL(_GUARD).format(
        milliseconds=int(wait * 1000), space=LOCK_SPACE, tenant=tenant.id, digest=_digest(recorded)
    )
    try:
        send(guard.as_string() + "".join(map(str, script.steps)) + closing)
    except OperationalError:
        raise
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == _TAKEN:
            raise TakenElsewhere(tenant.slug) from error
        return False  # the longer way finds out what there is to say
    return True


@lru_cache(maxsize=64)
def _digest(recorded: frozenset[Key]) -> str:
    text = " ".join(f"{app}.{name}" for app, name in sorted(recorded))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
