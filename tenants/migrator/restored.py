"""Migration of a schema that no other session sees yet: a clone, a restored backup, a changed variant."""

from __future__ import annotations

from collections.abc import Collection

from tenants.context import TenantInfo, use_tenant
from tenants.migrator.baseline import for_new_schema
from tenants.migrator.graph import AppliedExecutor, AppliedLoader, targets_for
from tenants.migrator.history import SchemaHistory
from tenants.migrator.release_order import check_not_ahead
from tenants.migrator.scripts import migrate_and_record
from tenants.models.code_release import Key


def leaf_migrations(applied: Collection[Key]) -> list[Key]:
    """Return the applied migrations that no other applied migration of the same app depends on, sorted."""
    graph = AppliedLoader(applied).graph
    return sorted(
        key
        for key in graph.nodes.keys() & set(applied)
        if not any(child.key[0] == key[0] and child.key in applied for child in graph.node_map[key].children)
    )


def migrate_restored(tenant: TenantInfo) -> tuple[str, ...]:
    """Migrate the tenant's schema in the current transaction, record that, and return the applied migrations.

    Migrations with `atomic = False` run in the transaction too, since no other session uses the tables.
    """
    with use_tenant(tenant.as_owner()):
        history = SchemaHistory.read(tenant)
        check_not_ahead(history)
        executor = AppliedExecutor(history.applied)
        plan = [(for_new_schema(step), backwards) for step, backwards in executor.migration_plan(targets_for(tenant))]
        if not plan:
            history.record()
            return ()
        script = migrate_and_record(executor, plan, from_nothing=False)
        history.record(script.applied, script.unapplied)
    return script.names
