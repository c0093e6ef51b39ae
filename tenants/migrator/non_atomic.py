"""A migration that refuses a transaction: done by Django's executor, and recorded as soon as it is done."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection
from django.db.migrations import Migration

from tenants.context import TenantInfo
from tenants.migrator.graph import AppliedExecutor, at
from tenants.migrator.plan import Leg
from tenants.migrator.recorder import closing_statements, read_applied, write_unfinished
from tenants.migrator.scripts import send
from tenants.migrator.signals import announce_after, announce_before, somebody_cares


def migrate_untransacted(tenant: TenantInfo, leg: Leg) -> None:
    """Apply or unapply the one migration of `leg` in the active tenant's schema.

    A run that was killed here may have left its work done and not recorded, or half done. The next run begins with
    taking away the index that such a migration usually makes.
    """
    write_unfinished(tenant)
    executor = AppliedExecutor(leg.recorded or frozenset())
    plan = executor.plan_of(leg.keys, leg.backwards)
    state = executor.starting_state()
    if announced := somebody_cares(plan):
        announce_before(plan, state)
    if leg.backwards:
        # The record goes first: killed in between, the migration counts as not applied, and can be applied again.
        send(closing_statements(tenant, read_applied(), [], leg.keys))
        state = executor.unapply(plan)
    else:
        for migration, _ in plan:
            with at(migration):
                _drop_leftovers(migration)
                state = executor.apply_migration(state, migration)
    if announced:
        announce_after(plan, state)
    send(closing_statements(tenant, read_applied(), [], []))


def _drop_leftovers(migration: Migration) -> None:
    names = [operation.index.name for operation in migration.operations if isinstance(operation, AddIndexConcurrently)]
    for name in names:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {connection.ops.quote_name(name)}")
