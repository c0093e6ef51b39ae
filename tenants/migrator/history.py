"""Migration history of one tenant's schema: lock, read, plan the next step and record it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import psycopg
from django.db import connection
from psycopg import sql

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.errors import TenantLocked
from tenants.migrator.graph import Target, fingerprint
from tenants.migrator.plan import Segment, next_segment
from tenants.models.code_release import Key, release
from tenants.postgresql.direct_connection import connect_directly

LOCK_SPACE = 0x5A6
"""First key of the advisory lock of a tenant. The second key is the tenant's id."""

_APPLIED = "SELECT app, name FROM django_migrations"
# Two statements: the second one sees what the last holder of the lock has committed.
_CLAIM = "SELECT %s OR pg_try_advisory_xact_lock(%s, %s), set_config('lock_timeout', %s, true)"
_CLAIM_AND_READ = f"{_CLAIM}; {_APPLIED}"

_RECORD = "INSERT INTO django_migrations (app, name, applied) VALUES {};\n"
_UNRECORD = "DELETE FROM django_migrations WHERE (app, name) IN ({});\n"
_STATE = """
INSERT INTO public.tenants_schemastate (tenant_id, fingerprint, release, outcome, error, seconds, finished_at)
VALUES ({tenant:d}, '{fingerprint}', '{release}', 'migrated', '', extract(epoch FROM clock_timestamp() - {began}),
    now())
ON CONFLICT (tenant_id) DO UPDATE SET fingerprint = excluded.fingerprint, release = excluded.release,
    outcome = excluded.outcome, error = excluded.error, seconds = excluded.seconds, finished_at = excluded.finished_at;
"""
_NOTIFY = "SELECT pg_notify('tenants_changed', '{tenant:d}');\n"


@dataclass(frozen=True, slots=True)
class SchemaHistory:
    """The migrations that are applied in one tenant's schema."""

    tenant: TenantInfo
    applied: frozenset[Key]
    is_empty: bool = False
    """Whether the schema has no table `django_migrations` yet."""

    @classmethod
    def read(cls, tenant: TenantInfo) -> Self:
        """Read the history without a lock."""
        with use_tenant(tenant.as_owner()):
            return cls(tenant, frozenset()).reread()

    def reread(self) -> Self:
        """Return the history as it is now. The tenant is the active one."""
        with connection.cursor() as cursor:
            cursor.execute(_APPLIED)
            return type(self)(self.tenant, frozenset(cursor.fetchall()))

    @classmethod
    def claim(
        cls, tenant: TenantInfo, lock_timeout: float = 0, *, is_empty: bool = False, holds_lock: bool = False
    ) -> Self:
        """Lock the active tenant against other migrations until the transaction ends, and read its history.

        From then on, no statement of the transaction waits longer than `lock_timeout` seconds for a lock (0: no
        limit). `holds_lock`: the caller holds the `session_lock`. Raises `TenantLocked` if another run holds the lock.
        """
        milliseconds = str(int(lock_timeout * 1000))
        with connection.cursor() as cursor:
            statements = _CLAIM if is_empty else _CLAIM_AND_READ
            cursor.execute(statements, [holds_lock, LOCK_SPACE, tenant.id, milliseconds])
            if not cursor.fetchone()[0]:
                raise TenantLocked(tenant.slug)
            if is_empty:
                return cls(tenant, frozenset(), is_empty=True)
            cursor.nextset()
            return cls(tenant, frozenset(cursor.fetchall()))

    @property
    def fingerprint(self) -> str:
        """The value that `SchemaState.fingerprint` has for this history."""
        return fingerprint(self.applied, self.tenant.variant)

    def plan(self, targets: tuple[Target, ...]) -> Segment:
        """Return the first segment of the plan from here to `targets`."""
        return next_segment(None if self.is_empty else self.applied, targets)

    def record(self, applied: Collection[Key] = (), unapplied: Collection[Key] = ()) -> None:
        """Record migrations in the schema and in the control plane, in one message."""
        with connection.cursor() as cursor:
            cursor.execute(self.record_statements(applied, unapplied))

    def record_statements(
        self, applied: Collection[Key] = (), unapplied: Collection[Key] = (), *, began: str = "now()"
    ) -> str:
        """Return the SQL that records migrations in the schema and in the control plane.

        `began` is the SQL of the time when the migrations began, if the transaction began earlier.
        """
        variant = self.tenant.variant
        records, after = _records(variant, self.applied, tuple(applied), tuple(unapplied))
        text = records + _STATE.format(tenant=self.tenant.id, fingerprint=after, release=release(), began=began)
        if tenancy().when_behind == "refuse":
            # Other processes refuse the tenant until they get this. It is left out where nothing depends on it,
            # because PostgreSQL commits transactions with a NOTIFY one after another.
            text += _NOTIFY.format(tenant=self.tenant.id)
        return text


@lru_cache(maxsize=256)
def _records(
    variant: str, before: frozenset[Key], applied: tuple[Key, ...], unapplied: tuple[Key, ...]
) -> tuple[str, str]:
    """Return the SQL for `django_migrations` and the fingerprint afterwards: the same for all tenants of a kind."""
    text = ""
    if applied:
        rows = sql.SQL(", ").join(sql.SQL("({}, {}, now())").format(*key) for key in applied)
        text += sql.SQL(_RECORD).format(rows).as_string()
    if unapplied:
        rows = sql.SQL(", ").join(sql.SQL("({}, {})").format(*key) for key in unapplied)
        text += sql.SQL(_UNRECORD).format(rows).as_string()
    return text, fingerprint(before.union(applied).difference(unapplied), variant)


@contextmanager
def session_lock(tenant: TenantInfo, *, wait: float = 0) -> Iterator[None]:
    """Hold the tenant's lock without a transaction, on a separate connection that bypasses a pooler.

    Raises `TenantLocked` if another run still holds the lock after `wait` seconds.
    """
    with closing(connect_directly()) as session:
        deadline = time.monotonic() + wait
        # Polling, not waiting in PostgreSQL: a waiting statement has a snapshot, and CREATE INDEX CONCURRENTLY, which
        # the holder of the lock may run, waits for older snapshots. PostgreSQL cannot detect that deadlock.
        while not _is_true(session, "SELECT pg_try_advisory_lock(%s, %s)", tenant):
            if time.monotonic() > deadline:
                raise TenantLocked(tenant.slug)
            time.sleep(0.05)
        try:
            yield
        finally:
            # Closing the connection releases the lock too, but only after PostgreSQL has noticed it.
            _is_true(session, "SELECT pg_advisory_unlock(%s, %s)", tenant)


def _is_true(session: psycopg.Connection[Any], query: str, tenant: TenantInfo) -> bool:
    row = session.execute(query, [LOCK_SPACE, tenant.id]).fetchone()
    return bool(row and row[0])
