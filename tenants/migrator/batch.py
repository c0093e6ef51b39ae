"""One message for tenants that stand where another stood before: claim, check, script and record in one.

Several statements in one message are one transaction, so the guard at its head can call all of it off. Several
tenants can share a message, each in a transaction of its own: then they share the way to the server as well.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from math import ceil
from typing import cast

from django.db import DatabaseError, OperationalError, connection

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantLocked
from tenants.migrator.graph import fingerprint
from tenants.migrator.recorder import LOCK_SPACE, closing_statements, fingerprint_after, recorded_fingerprints
from tenants.migrator.scripts import Script, send
from tenants.models.code_release import Key
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.sql_text import SelfContainedScript
from tenants.postgresql.statement_settings import preamble

# A text that is no number calls the rest of the message off, and says which tenant it was. RAISE would be the plainer
# word for it, but a DO block takes PostgreSQL longer than both of these. They are two, so that the second sees what was
# committed before the claim.
_GUARD = """
SET LOCAL lock_timeout = {milliseconds:d};{commit}
SELECT CASE WHEN clock_timestamp() > now() + interval '{seconds} s' THEN 'tenant {tenant:d} is late'
    WHEN pg_try_advisory_xact_lock({space:d}, {tenant:d}) THEN '0' ELSE 'tenant {tenant:d} is taken' END::int,
    set_config('tenants.began', clock_timestamp()::text, true);
SELECT CASE md5(string_agg(app || '.' || name, ' ' ORDER BY app COLLATE "C", name COLLATE "C")) WHEN '{digest}'
    THEN '0' ELSE 'tenant {tenant:d} is different' END::int FROM django_migrations;
"""
_CALLED_OFF = re.compile(r"tenant (?P<tenant>\d+) is (?P<why>late|taken|different)")
"""What the guard says, in the error."""

# For all tenants of a message, now() is when the message came.
_BEGAN = "current_setting('tenants.began')::timestamptz"

# A crash of the server then loses the last tenants whole, with what is recorded of them: they are behind, as before.
_WITHOUT_THE_DISK = "SET LOCAL synchronous_commit = off;"

_PATIENCE_IN_COMPANY = 0.1
"""Seconds that a tenant's statement waits for a lock while others wait behind it in the same message."""
_SECONDS_A_MESSAGE = 0.3
"""After so long no further tenant of a message is begun: whoever stops a run waits for it, and so may other workers."""


@dataclass(frozen=True, slots=True)
class Express:
    """A script, and the one place from which it is the way."""

    script: Script
    recorded: frozenset[Key]
    """What has to be applied, no more and no less."""

    def take(self, tenant: TenantInfo, *, wait: float, durable: bool) -> bool:
        """Migrate the active tenant; return whether it was done. If it was not, nothing was.

        `wait` is how many seconds a statement may wait for a lock; 0: without end. Unless it has to be `durable`, it
        may only be on disk after the next `flush`. Raises `TenantLocked`, or `OperationalError` for a lock that was
        not to be had or a lost connection.
        """
        if connection.in_atomic_block:
            return False
        try:
            send(self._statements(tenant, wait=wait, durable=durable))
        except OperationalError:
            raise
        except DatabaseError as error:
            called_off = _CALLED_OFF.search(str(error))
            if called_off and called_off["why"] == "taken":
                raise TenantLocked(tenant.slug) from error
            return False  # the longer way finds out what there is to say
        return True

    def take_together(self, tenants: Sequence[TenantInfo], *, wait: float) -> tuple[int, DatabaseError | None]:
        """Migrate tenants in one message, each in a transaction of its own, until one cannot be; return how many were.

        They may only be on disk after the next `flush`. Whoever comes after the first that cannot be is as before,
        unless the connection was lost, which then is the second thing returned: the server may still be at it.
        """
        if connection.in_atomic_block or not all(self._shows(variant) for variant in {one.variant for one in tenants}):
            return 0, None
        started = time.monotonic()
        wait = min(wait or _PATIENCE_IN_COMPANY, _PATIENCE_IN_COMPANY)
        owner = cast(DatabaseWrapper, connection).owner_role
        message = "".join(
            f"BEGIN; {preamble(tenant.schema, owner)}{self._statements(tenant, wait=wait, durable=False)}COMMIT;\n"
            for tenant in tenants
        )
        with use_tenant(PLATFORM):
            try:
                send(SelfContainedScript(message))
            except DatabaseError as error:
                lost = None if _leave_transaction() else error
                return self._count_done(tenants, error, started), lost
        return len(tenants), None

    def _statements(self, tenant: TenantInfo, *, wait: float, durable: bool) -> str:
        guard = _GUARD.format(
            milliseconds=ceil(wait * 1000),
            seconds=_SECONDS_A_MESSAGE,
            space=LOCK_SPACE,
            tenant=tenant.id,
            digest=_digest(self.recorded),
            commit="" if durable else _WITHOUT_THE_DISK,
        )
        script = self.script
        closing = closing_statements(tenant, self.recorded, script.applied, script.unapplied, began=_BEGAN)
        return guard + "".join(map(str, script.steps)) + closing

    def _shows(self, variant: str) -> bool:
        """Tell whether one can see in the control plane which tenants of a variant were done."""
        return self._fingerprint(variant) != _fingerprint_before(self.recorded, variant)

    def _fingerprint(self, variant: str) -> str:
        return fingerprint_after(variant, self.recorded, self.script.applied, self.script.unapplied)

    def _count_done(self, tenants: Sequence[TenantInfo], error: DatabaseError, started: float) -> int:
        """Return how many were done before an error, which does not always say whose it is."""
        called_off = _CALLED_OFF.search(str(error))
        by_name = int(called_off["tenant"]) if called_off else None  # another run may have done that one meanwhile
        try:
            found = recorded_fingerprints(tenants, seconds=time.monotonic() - started)
        except DatabaseError:
            return 0  # with the database gone nothing is known; it will be, when it is there again
        done = takewhile(lambda one: one.id != by_name and found.get(one.id) == self._fingerprint(one.variant), tenants)
        return len(list(done))


def _leave_transaction() -> bool:
    """Leave the transaction that failed; return whether the connection is still there to do so."""
    try:
        connection.rollback()
    except DatabaseError:
        connection.close()
        return False
    return True


@lru_cache(maxsize=64)
def _fingerprint_before(recorded: frozenset[Key], variant: str) -> str:
    return fingerprint(recorded, variant)


@lru_cache(maxsize=64)
def _digest(recorded: frozenset[Key]) -> str:
    text = " ".join(f"{app}.{name}" for app, name in sorted(recorded))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
