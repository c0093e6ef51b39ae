"""Repair of rows, schemas, roles and files that do not match, after a crash or a manual change."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import connection, transaction

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import UnknownVariant
from tenants.isolation.storage import TenantFileSystemStorage
from tenants.lifecycle import audit
from tenants.lifecycle.backup.scratch_database import drop_left_over
from tenants.lifecycle.delete import Deletion, deletions_due, purge_tenant
from tenants.lifecycle.locking import is_orphaned
from tenants.migrator.dormant_variants import recorded_without_tables
from tenants.migrator.history import SchemaHistory
from tenants.migrator.release_order import newer_migrations
from tenants.migrator.verify import schemas_without_tenant
from tenants.models import SchemaState, Tenant
from tenants.models.code_release import Key
from tenants.names import role_name
from tenants.postgresql import tenant_schemas as schemas
from tenants.postgresql.schema_parts import tables_without_privileges
from tenants.registry.tenant_info import all_tenants
from tenants.variants.discovery import known_variants

_SCHEMA = re.compile(r"t_(\d+)")


def reconcile_tenants(*, drop_orphans: bool = False) -> Iterator[str]:
    """Repair what can be repaired, and yield a line for each repair or problem.

    Interrupted purges are completed, missing roles created and wrong records corrected. A schema or a folder without
    a tenant is only reported, or dropped with `drop_orphans`.
    """
    for deletion in _interrupted_purges():
        purge_tenant(deletion)
        yield f"{deletion.slug}: interrupted purge completed"
    tenants = all_tenants()
    yield from _repair(tenants)
    for database in drop_left_over():
        yield f"database {database} was left by an interrupted restore: dropped"
    for schema in schemas_without_tenant(tenants):
        if not is_orphaned(_number(schema)):
            continue
        if drop_orphans:
            _drop_orphan(schema)
        yield f"schema {schema} belongs to no tenant: {_done(drop_orphans)}"
    for folder in _folders_without_tenant(tenants):
        if not is_orphaned(_number(folder.name)):
            continue
        if drop_orphans:
            shutil.rmtree(folder)
        yield f"folder {folder} belongs to no tenant: {_done(drop_orphans)}"


def _number(schema: str) -> int:
    return int(schema.removeprefix("t_"))


def _done(dropped: bool) -> str:
    return "dropped" if dropped else "inspect it, then use --drop-orphans"


def _interrupted_purges() -> list[Deletion]:
    purging = {tenant.id for tenant in all_tenants(status=Tenant.Status.PURGING)}
    return [deletion for deletion in deletions_due() if deletion.tenant_id in purging]


def _repair(tenants: list[TenantInfo]) -> Iterator[str]:
    with use_tenant(PLATFORM):
        there = schemas.existing_schemas([tenant.schema for tenant in tenants])
        roles = schemas.existing_roles([tenant.role for tenant in tenants])
        states = dict(SchemaState.objects.values_list("tenant_id", "fingerprint"))
    for tenant in tenants:
        if tenant.schema not in there:
            yield f"{tenant.slug}: its schema {tenant.schema} is missing. Restore a backup, or delete the tenant"
            continue
        if missing := _missing_rights(tenant, roles):
            with use_tenant(PLATFORM), transaction.atomic():
                schemas.grant_to_role(tenant)
                audit.record("make role", tenant, role=tenant.role)
            yield f"{tenant.slug}: its role {tenant.role} {missing}"
        if tenant.variant not in known_variants():
            yield f"{tenant.slug}: {UnknownVariant(tenant.variant, sorted(known_variants()))}"
            continue
        if unknown := newer_migrations(SchemaHistory.read(tenant)):
            names = ", ".join(f"{app}.{name}" for app, name in unknown)
            yield f"{tenant.slug}: its record is unchanged: this code has no migration {names}. Use the newer release"
            continue
        for app, name in _unrecord_without_tables(tenant):
            yield f"{tenant.slug}: {app}.{name} was recorded without any of its tables: record deleted"
        if _rewrite_record(tenant, states.get(tenant.id, "")):
            yield f"{tenant.slug}: the control plane had recorded other migrations: record corrected"


def _missing_rights(tenant: TenantInfo, roles: set[str]) -> str:
    """Return, in words, what is repaired of a role, or an empty text."""
    if not tenant.role:
        return ""
    if tenant.role not in roles:
        return "was missing: created"
    with use_tenant(PLATFORM):
        tables = tables_without_privileges(tenant.schema, tenant.role)
    return f"had no rights on {', '.join(tables)}: granted" if tables else ""


def _unrecord_without_tables(tenant: TenantInfo) -> list[Key]:
    """Delete the records of a variant's migrations in a tenant that never had its tables."""
    with transaction.atomic(), use_tenant(tenant.as_owner()):
        history = SchemaHistory.read(tenant)
        wrong = recorded_without_tables(history.applied, tenant.variant)
        if wrong:
            history.record(unapplied=wrong)
            with use_tenant(PLATFORM):
                audit.record("correct record", tenant)
    return wrong


def _rewrite_record(tenant: TenantInfo, on_record: str) -> bool:
    """Record the applied migrations in the control plane, and return whether that is a change."""
    with transaction.atomic(), use_tenant(tenant.as_owner()):
        SchemaHistory.read(tenant).record()
        with use_tenant(PLATFORM):
            is_changed = SchemaState.objects.get(tenant_id=tenant.id).fingerprint != on_record
            if is_changed:
                audit.record("correct record", tenant)
    return is_changed


def _drop_orphan(schema: str) -> None:
    number = _number(schema)
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        role = role_name(cursor.fetchone()[0], number)
    orphan = TenantInfo(id=number, slug="", schema=schema, role=role)
    with use_tenant(PLATFORM):
        schemas.drop_tables_in_batches(orphan, lambda done, total: None)
        with transaction.atomic():
            schemas.drop_schema(orphan)
            audit.record("drop orphan", orphan, schema=schema)


def _folders_without_tenant(tenants: list[TenantInfo]) -> list[Path]:
    if not isinstance(default_storage, TenantFileSystemStorage):
        return []
    with use_tenant(PLATFORM):
        root = Path(default_storage.location).parent
    owned = {tenant.schema for tenant in tenants}
    return [
        folder for folder in sorted(root.glob("t_*")) if _SCHEMA.fullmatch(folder.name) and folder.name not in owned
    ]
