"""Actions of a `Hand`: operations on tenants, and queries of their results."""

from __future__ import annotations

import hashlib
import re
import subprocess
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tenants import PLATFORM, use_tenant
from tenants.contrib.devserver import server
from tenants.contrib.devserver.binaries import find_bindir
from tenants.isolation.per_tenant_dict import PerTenantDict
from tenants.lifecycle import (
    TenantSpec,
    backup_tenant,
    clone_tenant,
    create_tenant,
    delete_tenant,
    due_for_purge,
    purge_tenant,
    restore_tenant,
)
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.graph import chosen_targets, targets_for
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.migrator.verify import schemas_without_tenant, verify
from tenants.models import Operation, Tenant
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.lookup import tenant_by_slug
from tenants.registry.tenant_info import all_tenants
from tenants.tasks import start_operation


def prepare() -> None:
    call_command("migrate", verbosity=0)


def create(slug: str) -> None:
    create_tenant(TenantSpec(slug=slug, owner_email="owner@example.com"))


def migrate(goal: str | None) -> list[str]:
    """Migrate all tenants to a migration of the ledger, or up to date; return the errors."""
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
    """All findings, except tenants that are only outdated or being purged."""
    unfinished = set(due_for_purge())
    wrong = [f"{found.slug}: {found.what}" for found in verify([t for t in all_tenants() if t.slug not in unfinished])]
    wrong += [f"{schema} has no tenant" for schema in schemas_without_tenant(all_tenants())]
    return [line for line in wrong if "behind the code" not in line]


def behind() -> list[str]:
    return [tenant.slug for tenant in find_behind()[1]]


def reconcile(*, drop_orphans: bool = False) -> list[str]:
    return list(reconcile_tenants(drop_orphans=drop_orphans))


def clone(slug: str, new_slug: str) -> None:
    clone_tenant(slug, new_slug)


def backup_file() -> Path:
    return Path(settings.DATA_DIR) / "kept.tar"


def back_up(slug: str) -> None:
    backup_tenant(slug, backup_file())


def restore(slug: str) -> None:
    restore_tenant(backup_file(), slug)


def restore_over(slug: str) -> None:
    restore_tenant(backup_file(), slug, over=True)


def schema_of(slug: str) -> str:
    return tenant_by_slug(slug).schema


def structure(slug: str) -> str:
    """Return a checksum of pg_dump's output for a tenant's tables."""
    return hashlib.sha256(dump(schema_of(slug), "schema").encode()).hexdigest()


def portrait(slug: str) -> str:
    """Return a checksum of all that a tenant has in the database.

    Without the positions of sequences: after a crash of PostgreSQL they may have skipped numbers.
    """
    schema = schema_of(slug)
    rows = [line for line in dump(schema, "data").splitlines() if "pg_catalog.setval" not in line]
    return structure(slug) + hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()


def identity(slug: str) -> tuple[str, str]:
    """Return the schema of a slug, and its portrait."""
    return schema_of(slug), portrait(slug)


def set_back() -> None:
    """Take all tenants back by a migration, and start an operation that migrates them."""
    assert migrate("0001") == []
    start_operation("migrate")


def ask_for_clone(slug: str, new_slug: str) -> None:
    start_operation("clone", slug, new_slug=new_slug)


def work() -> None:
    call_command("run_worker", stdout=StringIO())  # standard output is for the answers of this process


def unfinished() -> list[str]:
    with use_tenant(PLATFORM):
        return [str(operation) for operation in Operation.objects.filter(state__in=Operation.UNFINISHED)]


def ask_again() -> list[str]:
    """Restart operations that failed because the database was down, and return why; other failures are errors."""
    with use_tenant(PLATFORM):
        failed = list(Operation.objects.filter(state=Operation.State.FAILED))
        for operation in failed:
            assert "onnection" in operation.error or "Failed: " in operation.error, operation.error
            operation.delete()
            start_operation(operation.kind, operation.slug, **operation.arguments)
    return [operation.error for operation in failed]


def backends() -> list[int]:
    """Process ids of PostgreSQL's backends for other connections."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def leave_database() -> None:
    connection.close()
    connection.close_pool()


def connect() -> None:
    """Check that the database is reachable, without the pool, whose retries take longer each time."""
    connection.connect_directly().close()


def create_many(number: int) -> list[str]:
    """Create the shops `shop-0`, `shop-1`, …, and return their schemas."""
    return [create_tenant(TenantSpec(slug=f"shop-{i}")).schema for i in range(number)]


def create_as_django_does(slug: str) -> str:
    """Create a shop, migrate its schema with Django's own executor and signals, and return the schema."""
    create_tenant(TenantSpec(slug=slug))
    tenant = tenant_by_slug(slug)
    with use_tenant(PLATFORM):
        schemas.drop_schema(tenant)
        schemas.create_schema(tenant)
        schemas.grant_to_role(tenant)
    PerTenantDict.forget(tenant.schema)
    with use_tenant(tenant.as_owner()):
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(targets_for(tenant))
        state = executor._create_project_state(with_applied_migrations=True)
        emit_pre_migrate_signal(0, False, connection.alias, apps=state.apps, plan=plan)
        state = executor.migrate(targets_for(tenant), plan=plan, state=state)
        state.clear_delayed_apps_cache()
        emit_post_migrate_signal(0, False, connection.alias, apps=state.apps, plan=plan)
    return tenant.schema


def dump(schema: str, what: str) -> str:
    """Return pg_dump's output for a schema, without the tenant's name, times and random numbers."""
    params = connection.get_connection_params()
    command = [
        str(find_bindir() / "pg_dump"), f"--{what}-only", "--no-owner", "--no-acl", "--inserts", "-n", schema,
        "-h", params["host"], "-p", str(params["port"]), "-U", params["user"], params["dbname"],
    ]  # fmt: skip
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = re.sub(r"\b" + schema + r"\b", "SCHEMA", text)
    text = re.sub(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^']*'", "'TIME'", text)
    text = re.sub(r"'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}'", "'UUID'", text)
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.M)


def start_with_few_locks() -> None:
    """Run the embedded server with PostgreSQL's default for locks, and few connections."""
    server.SETTINGS.update(max_locks_per_transaction="64", max_connections="20")


def start_without_fsync() -> None:
    """Run the embedded server without fsync: enough if processes are killed but not the machine, and much faster."""
    server.SETTINGS.update(fsync="off", shared_buffers="32MB")


def add_tables(slug: str, number: int) -> None:
    """Give a shop tables with four indexes each, a few in each transaction."""
    with use_tenant(tenant_by_slug(slug).as_owner()), connection.cursor() as cursor:
        for start in range(0, number, 50):
            names = range(start, min(start + 50, number))
            cursor.execute(
                "".join(
                    f"CREATE TABLE extra_{i} (id int PRIMARY KEY, a text UNIQUE, b text UNIQUE, c text UNIQUE);"
                    for i in names
                )
            )


def drop_at_once(slug: str) -> None:
    """Drop a shop's schema in one statement."""
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {tenant_by_slug(slug).schema} CASCADE")
