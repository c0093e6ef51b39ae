"""One message for a tenant that stands where another stood before: claim, check, script and record in one.

Several statements in one message are one transaction, so the guard at its head can call all of it off.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from django.db import DatabaseError, OperationalError, connection

from tenants.context import TenantInfo
from tenants.errors import TakenElsewhere
from tenants.migrator.graph import Key
from tenants.migrator.records import LOCK_SPACE
from tenants.migrator.scripts import Script, send

_TAKEN = "taken by another run"

# A text that is no number calls the rest of the message off. RAISE would be the plainer word for it, but a DO block
# takes PostgreSQL longer than both of these. They are two, so that the second sees what was committed before the claim.
_GUARD = """
SET LOCAL lock_timeout = {milliseconds:d};{commit}
SELECT CASE WHEN pg_try_advisory_xact_lock({space:d}, {tenant:d}) THEN '0' ELSE '{taken}' END::int;
SELECT CASE md5(string_agg(app || '.' || name, ' ' ORDER BY app COLLATE "C", name COLLATE "C")) WHEN '{digest}'
    THEN '0' ELSE 'other migrations are applied' END::int FROM django_migrations;
"""


# A crash of the server then loses the last tenants whole, with what is recorded of them: they are behind, as before.
_WITHOUT_THE_DISK = "SET LOCAL synchronous_commit = off;"


def migrate_express(
    tenant: TenantInfo, recorded: frozenset[Key], script: Script, closing: str, *, wait: float, durable: bool
) -> bool:
    """Send a script and what records it, if it is all SQL and just `recorded` is applied; return whether it was done.

    `wait` is how many seconds a statement may wait for a lock; 0: without end. If it was not done, nothing was. If it
    was and need not be `durable`, it may only be on disk after the next `flush`. Raises `TakenElsewhere`, or
    `OperationalError` for a lock that was not to be had or a lost connection.
    """
    if connection.in_atomic_block or not script.is_one_message:
        return False
    guard = _GUARD.format(
        milliseconds=int(wait * 1000),
        space=LOCK_SPACE,
        tenant=tenant.id,
        taken=_TAKEN,
        digest=_digest(recorded),
        commit="" if durable else _WITHOUT_THE_DISK,
    )
    try:
        send(guard + "".join(map(str, script.steps)) + closing)
    except OperationalError:
        raise
    except DatabaseError as error:
        if _TAKEN in str(error):
            raise TakenElsewhere(tenant.slug) from error
        return False  # the longer way finds out what there is to say
    return True


@lru_cache(maxsize=64)
def _digest(recorded: frozenset[Key]) -> str:
    text = " ".join(f"{app}.{name}" for app, name in sorted(recorded))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
