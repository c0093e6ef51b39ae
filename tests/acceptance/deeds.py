"""What a `Hand` can do: the steps of a tenant's life, and looking at what became of them."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection

from tenants import PLATFORM, use_tenant
from tenants.lifecycle import NewTenant, create_tenant, delete_tenant, due_for_purge, purge_tenant
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.verify import schemas_without_tenant, verify
from tenants.models import Tenant
from tenants.registry import all_tenants


def prepare() -> None:
    call_command("migrate", verbosity=0)


def create(slug: str) -> None:
    create_tenant(NewTenant(slug=slug, owner_email="owner@example.com"))


def migrate(goal: str | None) -> list[str]:
    """Bring everybody to a migration of the ledger, or up to date; return the errors."""
    targets = tuple(chosen_targets("ledger", goal)) if goal else None
    return [outcome.error for outcome in Run(all_tenants(), RunOptions(targets=targets)) if outcome.failed]


def purge(slug: str) -> None:
    with use_tenant(PLATFORM):
        is_there = Tenant.objects.filter(slug=slug, status=Tenant.Status.ACTIVE).exists()
    if is_there:
        delete_tenant(slug)
    purge_tenant(slug)


def slugs() -> list[str]:
    return [tenant.slug for tenant in all_tenants()]


def findings() -> list[str]:
    """Everything that is wrong, with tenants that are merely behind, or half-way through a purge, left out."""
    unfinished = set(due_for_purge())
    wrong = [f"{found.slug}: {found.what}" for found in verify([t for t in all_tenants() if t.slug not in unfinished])]
    wrong += [f"{schema} has no tenant" for schema in schemas_without_tenant(all_tenants())]
    return [line for line in wrong if "behind the code" not in line]


def reconcile() -> list[str]:
    return list(reconcile_tenants())


def backends() -> list[int]:
    """The process ids of PostgreSQL's backends that serve somebody else."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def leave_database() -> None:
    connection.close()
    connection.close_pool()
