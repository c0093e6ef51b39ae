"""What is recorded of migrations: `django_migrations` in the schema, `SchemaState` in the control plane."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any

import psycopg
from django.db import OperationalError, connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from psycopg import sql

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantLocked
from tenants.migrator.graph import fingerprint
from tenants.models import SchemaState, Tenant
from tenants.models.code_release import Key, release
from tenants.postgresql.direct_connection import connect_directly

LOCK_SPACE = 0x5A6
"""First half of the key of our advisory locks, which all users of a database share; the second is the tenant's id."""

_CLAIM = "SELECT %s OR pg_try_advisory_xact_lock(%s, %s), set_config('lock_timeout', %s, true)"
# A statement of its own: it sees what whoever held the claim before us has committed.
_APPLIED = "; SELECT app, name FROM django_migrations"

_RECORD = "INSERT INTO django_migrations (app, name, applied) VALUES {};\n"
_UNRECORD = "DELETE FROM django_migrations WHERE (app, name) IN ({});\n"
_STATE = """
INSERT INTO public.tenants_schemastate (tenant_id, fingerprint, release, outcome, error, seconds, finished_at)
VALUES ({tenant:d}, '{fingerprint}', '{release}', 'migrated', '', extract(epoch FROM clock_timestamp() - {began}),
    now())
ON CONFLICT (tenant_id) DO UPDATE SET fingerprint = excluded.fingerprint, release = excluded.release,
    outcome = excluded.outcome, error = excluded.error, seconds = excluded.seconds, finished_at = excluded.finished_at;
"""

_FLUSH = "SELECT pg_logical_emit_message(true, 'tenants', 'migrated')"
"""The smallest thing that is written and not looked at: a commit that wrote nothing would not wait for the disk."""

_HEARD = "SELECT pg_notify('tenants_changed', '{tenant:d}');\n"


def claim_and_read(tenant: TenantInfo, lock_timeout: float, *, is_new: bool, is_claimed: bool) -> frozenset[Key] | None:
    """Claim a tenant for the transaction at hand and return what is applied in its schema; None for a new one.

    From here on, no statement waits longer than `lock_timeout` seconds for a lock (0: without end). `is_claimed`:
    we hold a `session_claim`. Raises `TenantLocked` if another run has the claim.
    """
    with connection.cursor() as cursor:
        milliseconds = str(int(lock_timeout * 1000))
        cursor.execute(_CLAIM + ("" if is_new else _APPLIED), [is_claimed, LOCK_SPACE, tenant.id, milliseconds])
        if not cursor.fetchone()[0]:
            raise TenantLocked(tenant.slug)
        if is_new:
            return None
        cursor.nextset()
        return frozenset(cursor.fetchall())


@contextmanager
def session_claim(tenant: TenantInfo, *, patience: float = 0) -> Iterator[None]:
    """Hold the claim without a transaction, on a connection of its own that no pooler can swap beneath it.

    If another run still has the claim after `patience` seconds, raise `TenantLocked`.
    """
    with connect_directly() as session:
        deadline = time.monotonic() + patience
        # Asked for again and again: a statement that waits for a lock has a snapshot, and the holder of the claim may
        # be at CREATE INDEX CONCURRENTLY, which waits for all older snapshots. That circle goes through us, where
        # PostgreSQL cannot see it.
        while not _try(session, "SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, tenant.id]):
            if time.monotonic() > deadline:
                raise TenantLocked(tenant.slug)
            time.sleep(0.05)
        try:
            yield
        finally:
            # Closing gives it back as well, but only when PostgreSQL has got round to it.
            _try(session, "SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, tenant.id])


def _try(session: psycopg.Connection[Any], question: str, params: list[int]) -> bool:
    row = session.execute(question, params).fetchone()
    return bool(row and row[0])


def read_applied() -> frozenset[Key]:
    """Return what is recorded as applied in the active tenant's schema."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return frozenset(cursor.fetchall())


def closing_statements(
    tenant: TenantInfo,
    before: Collection[Key],
    applied: Collection[Key],
    unapplied: Collection[Key],
    *,
    began: str = "now()",
) -> str:
    """Return the SQL that records, in the schema and in the control plane, what a script has done.

    `began` is the SQL for the time when it began, unless the transaction began with it.
    """
    records, after = _records(tenant.variant, frozenset(before), tuple(applied), tuple(unapplied))
    text = records + _STATE.format(tenant=tenant.id, fingerprint=after, release=release(), began=began)
    if tenancy().when_behind == "refuse":
        # Whoever turns the tenant away hears that it is there. Not otherwise: commits that notify wait for each other.
        text += _HEARD.format(tenant=tenant.id)
    return text


@lru_cache(maxsize=256)
def _records(
    variant: str, before: frozenset[Key], applied: tuple[Key, ...], unapplied: tuple[Key, ...]
) -> tuple[str, str]:
    """Return what records a script in the schema, and the fingerprint then: the same for all tenants of a kind."""
    text = ""
    if applied:
        rows = sql.SQL(", ").join(sql.SQL("({}, {}, now())").format(*key) for key in applied)
        text += sql.SQL(_RECORD).format(rows).as_string()
    if unapplied:
        rows = sql.SQL(", ").join(sql.SQL("({}, {})").format(*key) for key in unapplied)
        text += sql.SQL(_UNRECORD).format(rows).as_string()
    return text, fingerprint(before.union(applied).difference(unapplied), variant)


def fingerprint_after(
    variant: str, before: Collection[Key], applied: Collection[Key], unapplied: Collection[Key]
) -> str:
    """Return the fingerprint that `closing_statements` records."""
    return _records(variant, frozenset(before), tuple(applied), tuple(unapplied))[1]


def recorded_fingerprints(tenants: Iterable[TenantInfo], *, seconds: float) -> dict[int, str]:
    """Return by tenant's id the fingerprints that were recorded in the last so many seconds."""
    with use_tenant(PLATFORM):
        states = SchemaState.objects.filter(_in_the_last(seconds), tenant_id__in=[tenant.id for tenant in tenants])
        return dict(states.values_list("tenant_id", "fingerprint"))


def _in_the_last(seconds: float) -> Q:
    # By the server's own clock, and a little more, since it had to hear of it first.
    return Q(finished_at__gt=Now() - timedelta(seconds=seconds + 1))


def flush(tenants: Iterable[TenantInfo], *, seconds: float) -> None:
    """Return when what was recorded of `tenants` in the last so many seconds is on disk; the end of a run of many.

    PostgreSQL writes its log in order, so one commit that waits for the disk waits for all those before it that did
    not. Raises `OperationalError` if the server is gone, or was for a moment, and has lost some.
    """
    with use_tenant(PLATFORM):
        with connection.cursor() as cursor:
            cursor.execute(_FLUSH)
        # Behind a pooler, our connection outlives the server.
        there = Tenant.objects.filter(pk__in=[tenant.id for tenant in tenants])
        recorded = SchemaState.objects.filter(_in_the_last(seconds), tenant=OuterRef("pk"))
        lost = list(there.filter(~Exists(recorded)).values_list("slug", flat=True).order_by("slug"))
    if lost:
        raise OperationalError(f"it has lost {', '.join(lost[:20])}{' and more' if len(lost) > 20 else ''}")


def write_unfinished(tenant: TenantInfo) -> None:
    """Note that a tenant's schema is between two places, so that whoever asks takes it for behind."""
    with use_tenant(PLATFORM):
        SchemaState.objects.filter(tenant_id=tenant.id).update(fingerprint="", release=release())


def write_failure(tenant: TenantInfo, error: str, seconds: float) -> None:
    """Note that a tenant's migration failed; its fingerprint stays what it was."""
    with use_tenant(PLATFORM):
        SchemaState.objects.update_or_create(
            tenant_id=tenant.id,
            defaults={
                "outcome": SchemaState.Outcome.FAILED,
                "error": error,
                "seconds": seconds,
                "finished_at": Now(),
            },
        )
