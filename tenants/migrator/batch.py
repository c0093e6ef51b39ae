"""Batch migration: lock, check, script and record of one or more tenants in a single message.

The statements of a message are one transaction, so the guard at its beginning can abort all of it. Several tenants can
share a message, each in its own transaction, to save round trips.
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
from tenants.migrator.history import LOCK_SPACE, SchemaHistory
from tenants.migrator.recorder import recorded_fingerprints
from tenants.migrator.scripts import Script, send
from tenants.models.code_release import Key
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.sql_text import SelfContainedScript
from tenants.postgresql.statement_settings import preamble

# Casting a text that is not a number aborts the message, and the error contains the text. RAISE in a DO block would be
# more usual, but takes PostgreSQL longer. The second SELECT sees what was committed before the lock was taken.
_GUARD = """
SET LOCAL lock_timeout = {milliseconds:d};{commit}
SELECT CASE WHEN clock_timestamp() > now() + interval '{seconds} s' THEN 'tenant {tenant:d} is late'
    WHEN pg_try_advisory_xact_lock({space:d}, {tenant:d}) THEN '0' ELSE 'tenant {tenant:d} is locked' END::int,
    set_config('tenants.began', clock_timestamp()::text, true);
SELECT CASE md5(string_agg(app || '.' || name, ' ' ORDER BY app COLLATE "C", name COLLATE "C")) WHEN '{digest}'
    THEN '0' ELSE 'tenant {tenant:d} is different' END::int FROM django_migrations;
"""
_ABORTED = re.compile(r"tenant (?P<tenant>\d+) is (?P<why>late|locked|different)")
"""Text of the guard's error in PostgreSQL."""

# now() is the same for all tenants of a message: the time when the message arrived.
_BEGAN = "current_setting('tenants.began')::timestamptz"

# After a crash of the server, the last tenants may be unmigrated again, together with their records.
_ASYNC_COMMIT = "SET LOCAL synchronous_commit = off;"

_BATCH_LOCK_TIMEOUT = 0.1
"""Seconds that a statement in a batch waits for a lock: the other tenants of the batch wait too."""
_BATCH_DEADLINE = 0.3
"""No tenant of a batch is started after this time, since a batch cannot be interrupted."""


@dataclass(frozen=True, slots=True)
class CompiledMigration:
    """A script that is one message, for schemas with exactly one set of applied migrations."""

    script: Script
    before: frozenset[Key]

    def apply_one(self, tenant: TenantInfo, *, lock_timeout: float, durable: bool) -> bool:
        """Migrate the active tenant. Return False, with nothing changed, if its schema does not fit.

        `lock_timeout` is in seconds; 0: no limit. Without `durable`, the commit may reach the disk only with the next
        `wait_for_wal`. Raises `TenantLocked`, or `OperationalError` for a lock timeout or a lost connection.
        """
        if connection.in_atomic_block:
            return False
        try:
            send(self._statements(tenant, lock_timeout=lock_timeout, durable=durable))
        except OperationalError:
            raise
        except DatabaseError as error:
            aborted = _ABORTED.search(str(error))
            if aborted and aborted["why"] == "locked":
                raise TenantLocked(tenant.slug) from error
            return False
        return True

    def apply_batch(self, tenants: Sequence[TenantInfo], *, lock_timeout: float) -> tuple[int, DatabaseError | None]:
        """Migrate tenants in one message, each in its own transaction, until one fails. Return how many succeeded.

        The tenants after the failed one are unchanged. The second value is set if the connection was lost: the server
        may then still be working. The commits may reach the disk only with the next `wait_for_wal`.
        """
        if connection.in_atomic_block or not all(self._changes_state(one) for one in {one.variant for one in tenants}):
            return 0, None
        started = time.monotonic()
        lock_timeout = min(lock_timeout or _BATCH_LOCK_TIMEOUT, _BATCH_LOCK_TIMEOUT)
        owner = cast(DatabaseWrapper, connection).owner_role
        message = "".join(
            f"BEGIN; {preamble(tenant.schema, owner)}"
            f"{self._statements(tenant, lock_timeout=lock_timeout, durable=False)}COMMIT;\n"
            for tenant in tenants
        )
        with use_tenant(PLATFORM):
            try:
                send(SelfContainedScript(message))
            except DatabaseError as error:
                lost = None if _leave_transaction() else error
                return self._count_done(tenants, error, started), lost
        return len(tenants), None

    def _statements(self, tenant: TenantInfo, *, lock_timeout: float, durable: bool) -> str:
        guard = _GUARD.format(
            milliseconds=ceil(lock_timeout * 1000),
            seconds=_BATCH_DEADLINE,
            space=LOCK_SPACE,
            tenant=tenant.id,
            digest=_digest(self.before),
            commit="" if durable else _ASYNC_COMMIT,
        )
        script = self.script
        history = SchemaHistory(tenant, self.before)
        record = history.record_statements(script.applied, script.unapplied, began=_BEGAN)
        return guard + "".join(map(str, script.steps)) + record

    def _changes_state(self, variant: str) -> bool:
        """Return whether `SchemaState` shows which tenants of a variant were migrated."""
        return self._fingerprint_after(variant) != _fingerprint(self.before, variant)

    def _fingerprint_after(self, variant: str) -> str:
        return _fingerprint(self.before.union(self.script.applied).difference(self.script.unapplied), variant)

    def _count_done(self, tenants: Sequence[TenantInfo], error: DatabaseError, started: float) -> int:
        """Return how many tenants were migrated before an error, which may not say which tenant it is about."""
        aborted = _ABORTED.search(str(error))
        failed = int(aborted["tenant"]) if aborted else None  # another run may have migrated that one by now
        try:
            found = recorded_fingerprints(tenants, seconds=time.monotonic() - started)
        except DatabaseError:
            return 0  # not known until the database is available again

        def is_done(tenant: TenantInfo) -> bool:
            return tenant.id != failed and found.get(tenant.id) == self._fingerprint_after(tenant.variant)

        return len(list(takewhile(is_done, tenants)))


def _leave_transaction() -> bool:
    """Leave the failed transaction and return whether the connection is still usable."""
    try:
        connection.rollback()
    except DatabaseError:
        connection.close()
        return False
    return True


@lru_cache(maxsize=64)
def _fingerprint(applied: frozenset[Key], variant: str) -> str:
    return fingerprint(applied, variant)


@lru_cache(maxsize=64)
def _digest(applied: frozenset[Key]) -> str:
    text = " ".join(f"{app}.{name}" for app, name in sorted(applied))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
