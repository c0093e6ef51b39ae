"""How far a schema that comes from elsewhere is migrated, and bringing it to where the code is."""

from __future__ import annotations

from collections.abc import Collection

from tenants.context import TenantInfo, use_tenant
from tenants.migrator.baseline import for_new_schema
from tenants.migrator.graph import AppliedExecutor, AppliedLoader, targets_for
from tenants.migrator.recorder import closing_statements, read_applied
from tenants.migrator.release_order import check_not_ahead
from tenants.migrator.scripts import migrate_and_record, send
from tenants.models.code_release import Key


def heads(applied: Collection[Key]) -> list[Key]:
    """Return those of the applied migrations after which no other of the same app is applied, sorted."""
    graph = AppliedLoader(applied).graph
    return sorted(
        key
        for key in graph.nodes.keys() & set(applied)
        if not any(child.key[0] == key[0] and child.key in applied for child in graph.node_map[key].children)
    )


def migrate_unseen(tenant: TenantInfo) -> tuple[str, ...]:
    """Bring a schema that nobody else can see yet to where the code is, and record that; return what was applied.

    All of it is done in the transaction at hand, also what refuses one for the sake of those who use the tables.
    """
    with use_tenant(tenant.as_owner()):
        recorded = read_applied()
        check_not_ahead(tenant, recorded)
        executor = AppliedExecutor(recorded)
        plan = [(for_new_schema(step), backwards) for step, backwards in executor.migration_plan(targets_for(tenant))]
        if not plan:
            send(closing_statements(tenant, recorded, [], []))
            return ()
        script = migrate_and_record(executor, plan, from_nothing=False)
        send(closing_statements(tenant, recorded, script.applied, script.unapplied))
    return script.names
