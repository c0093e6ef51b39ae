"""Migrations with `atomic = False`: run by Django without a transaction, and recorded at once."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection
from django.db.migrations import Migration

from tenants.migrator.graph import AppliedExecutor, naming_migration
from tenants.migrator.history import SchemaHistory
from tenants.migrator.plan import Segment
from tenants.migrator.recorder import mark_in_progress
from tenants.migrator.signals import send_post_migrate, send_pre_migrate, signals_needed


def migrate_non_atomic(history: SchemaHistory, segment: Segment) -> None:
    """Apply or unapply the one migration of `segment` in the active tenant's schema.

    A run that was killed here may have left the migration half done, or done but not recorded. The next run therefore
    drops the index that such a migration usually creates before it starts.
    """
    mark_in_progress(history.tenant)
    executor = AppliedExecutor(history.applied)
    plan = executor.plan_of(segment.keys, segment.backwards)
    state = executor.starting_state()
    if signals := signals_needed(plan):
        send_pre_migrate(plan, state)
    if segment.backwards:
        # The record is deleted first: if the run is killed in between, the migration can be applied again.
        history.record(unapplied=segment.keys)
        state = executor.unapply(plan)
    else:
        for migration, _ in plan:
            with naming_migration(migration):
                _drop_leftovers(migration)
                state = executor.apply_migration(state, migration)
    if signals:
        send_post_migrate(plan, state)
    history.reread().record()


def _drop_leftovers(migration: Migration) -> None:
    names = [operation.index.name for operation in migration.operations if isinstance(operation, AddIndexConcurrently)]
    for name in names:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {connection.ops.quote_name(name)}")
