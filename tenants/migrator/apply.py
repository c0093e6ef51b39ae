"""Migrating one tenant: one transaction that leaves the schema new or as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.graph import Key, fingerprint, targets_for
from tenants.models import SchemaState
from tenants.postgresql import schemas
from tenants.postgresql.direct import connect_directly
from tenants.scopes import labels_for

_LOCK_SPACE = 0x5A6
"""First half of the key of our advisory locks, which all users of a database share; the second is the tenant's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one tenant."""

    tenant: TenantInfo
    applied: tuple[str, ...] = ()
    """The migrations that were applied or unapplied, as `app.name`, in order."""
    error: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.error)


def migrate_tenant(tenant: TenantInfo, targets: Sequence[Key] | None = None) -> Outcome:
    """Bring a tenant's schema to `targets` (default: the newest of everything it has) and record that.

    Everything happens in one transaction, so an exception leaves the schema as it was. Migrations that refuse a
    transaction (`atomic = False`) are the exception: then each one is recorded as soon as it is done.
    """
    started = time.monotonic()
    with use_tenant(tenant.as_owner()):
        executor = MigrationExecutor(connection, _settle_constraints)
        plan = executor.migration_plan(list(targets_for(tenant) if targets is None else targets))
        if all(migration.atomic for migration, _ in plan):
            with transaction.atomic():
                _claim(tenant, "pg_advisory_xact_lock")
                applied = _run(tenant, targets)
        else:
            with _session_claim(tenant):
                applied = _run(tenant, targets)
    return Outcome(tenant=tenant, applied=applied, seconds=time.monotonic() - started)


def _run(tenant: TenantInfo, targets: Sequence[Key] | None) -> tuple[str, ...]:
    # Made anew, now that the tenant is claimed: another machine may have been here in between.
    executor = MigrationExecutor(connection, _settle_constraints)
    plan = executor.migration_plan(list(targets_for(tenant) if targets is None else targets))
    if tenant.role and not schemas.existing_roles([tenant.role]):
        schemas.grant_to_role(tenant)
    if plan:
        before = executor._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
        emit_pre_migrate_signal(0, False, connection.alias, apps=before.apps, plan=plan)
        after = executor.migrate(None, plan=plan, state=before.clone())
        after.clear_delayed_apps_cache()
        emit_post_migrate_signal(0, False, connection.alias, apps=after.apps, plan=plan)
    _record(tenant, executor)
    return tuple(str(migration) for migration, _ in plan)


def _settle_constraints(action: str, *_: object) -> None:
    """Fire the deferred checks of one migration before the next: ALTER TABLE refuses while any are waiting."""
    if action in {"apply_success", "unapply_success"}:
        connection.check_constraints()


def _record(tenant: TenantInfo, executor: MigrationExecutor) -> None:
    labels = labels_for(tenant)
    applied = [key for key in executor.recorder.applied_migrations() if key[0] in labels]
    write_state(tenant, fingerprint=fingerprint(applied), outcome=SchemaState.Outcome.MIGRATED, error="")


def write_state(tenant: TenantInfo, **values: object) -> None:
    """Write the tenant's `SchemaState`, in the transaction at hand if there is one."""
    with use_tenant(PLATFORM):
        SchemaState.objects.update_or_create(tenant_id=tenant.id, defaults={**values, "finished_at": timezone.now()})


def _claim(tenant: TenantInfo, function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [_LOCK_SPACE, tenant.id])


@contextmanager
def _session_claim(tenant: TenantInfo) -> Iterator[None]:
    """Hold the claim without a transaction, on a connection that a pooler cannot swap beneath it."""
    with connect_directly() as session:
        session.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK_SPACE, tenant.id])
        yield
