"""Plans that hold a migration which refuses a transaction: Django's executor, one migration after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tenants.context import TenantInfo
from tenants.errors import TakenElsewhere
from tenants.migrator.graph import Target
from tenants.migrator.records import LOCK_SPACE, closing_statements
from tenants.migrator.scripts import send
from tenants.migrator.signals import announce_after, announce_before
from tenants.postgresql.direct import connect_directly


def migrate_stepwise(tenant: TenantInfo, goals: Sequence[Target]) -> tuple[str, ...]:
    """Migrate the active tenant, recording each migration as soon as it is done; return their names.

    A failure keeps what was done before it. The next run goes on from there.
    """
    with _session_claim(tenant):
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(list(goals))
        if plan:
            before = executor._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
            announce_before(plan, before)
            announce_after(plan, executor.migrate(None, plan=plan, state=before.clone()))
        send(closing_statements(tenant, executor.recorder.applied_migrations(), [], []))
    return tuple(str(migration) for migration, _ in plan)


@contextmanager
def _session_claim(tenant: TenantInfo) -> Iterator[None]:
    """Hold the claim without a transaction, on a connection that no pooler can swap beneath it."""
    with connect_directly() as session:
        (claimed,) = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, tenant.id]).fetchone() or (
            False,
        )
        if not claimed:
            raise TakenElsewhere(tenant.slug)
        yield
