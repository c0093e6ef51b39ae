"""Verification of schemas: PostgreSQL's catalog compared with the code and with the recorded state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.apps import apps
from django.db import connection, transaction

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.isolation.per_tenant_dict import PerTenantDict
from tenants.migrator.dormant_variants import dormant_variants_of, migrate_new_with_dormant
from tenants.migrator.graph import target_fingerprint
from tenants.migrator.history import SchemaHistory
from tenants.migrator.release_order import newer_migrations
from tenants.models import SchemaState
from tenants.models.code_release import Key
from tenants.postgresql import tenant_schemas as schemas
from tenants.postgresql.schema_parts import Parts, differences, parts_of, tables_without_privileges
from tenants.variants.discovery import known_variants

_BATCH = 50
"""How many tenants' records are read at once."""

Expected = dict[tuple[str, str], Parts]
"""The expected parts of schemas, by variant and dormant variants."""

MIGRATIONS = "table django_migrations"

_OF_A_TENANT = re.compile(r"t_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of a schema."""

    schema: str
    slug: str
    """Empty for a schema without a tenant."""
    what: str


def verify(tenants: Sequence[TenantInfo]) -> Iterator[Finding]:
    """Yield the problems of the tenants' schemas: records, structure, roles and rights."""
    expected: Expected = {}
    for start in range(0, len(tenants), _BATCH):
        batch = tenants[start : start + _BATCH]
        with use_tenant(PLATFORM):
            batch_states = SchemaState.objects.filter(tenant_id__in=[tenant.id for tenant in batch])
            states = dict(batch_states.values_list("tenant_id", "fingerprint"))
            roles = schemas.existing_roles([tenant.role for tenant in batch])
        for tenant in batch:
            for what in _problems(tenant, expected, states, roles):
                yield Finding(schema=tenant.schema, slug=tenant.slug, what=what)


def schemas_without_tenant(tenants: Sequence[TenantInfo]) -> list[str]:
    """Return the schemas with a tenant's name that belong to none of `tenants`, which must be all tenants."""
    owned = {tenant.schema for tenant in tenants}
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace ORDER BY nspname")
        return [name for (name,) in cursor.fetchall() if _OF_A_TENANT.fullmatch(name) and name not in owned]


def _problems(tenant: TenantInfo, expected: Expected, states: dict[int, str], roles: set[str]) -> Iterator[str]:
    with use_tenant(tenant.as_owner()):
        parts = parts_of(tenant.schema, role=tenant.role)
    if not parts:
        yield "the schema is missing or empty"
        return
    if tenant.variant not in known_variants():
        yield f"it has the variant {tenant.variant!r}, which this code does not have"
        return
    if tenant.role and tenant.role not in roles:
        yield f"the role {tenant.role} is missing"
    if MIGRATIONS not in parts:
        yield f"{MIGRATIONS} is missing"
        return
    history = SchemaHistory.read(tenant)
    with use_tenant(tenant.as_owner()):
        out_of_reach = tables_without_privileges(tenant.schema, tenant.role) if tenant.role in roles else []
    for table in out_of_reach:
        yield f"its role has no rights on {table}. Run reconcile_tenants"
    if unknown := newer_migrations(history):
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        yield f"it is newer than this code, which has no migration {names}. Use the newer release"
        return
    yield from _differs(history, parts, expected, states.get(tenant.id, ""))


def _differs(history: SchemaHistory, parts: Parts, expected: Expected, on_record: str) -> Iterator[str]:
    tenant, found = history.tenant, history.fingerprint
    if on_record and found != on_record:
        yield "the control plane has recorded other migrations. Run reconcile_tenants"
    if found == target_fingerprint(tenant.variant):
        dormant = dormant_variants_of(history.applied, tenant.variant)
        kind = (tenant.variant, str(dormant))
        if kind not in expected:
            expected[kind] = _expected_parts(tenant, dormant)
        yield from differences(parts, expected[kind], names_that_count=_names_in_code())
    if found != target_fingerprint(tenant.variant) or not on_record:
        yield "it is behind the code. Run migrate_tenants"


def _names_in_code() -> set[str]:
    """Return the names of indexes and constraints in models, which migrations refer to."""
    models = apps.get_models(include_auto_created=True)
    return {part.name for model in models for part in (*model._meta.indexes, *model._meta.constraints)}


def _expected_parts(like: TenantInfo, dormant: dict[str, list[Key]]) -> Parts:
    """Return the parts of a new schema of the same kind, which is rolled back."""
    model = replace(like, id=0x7FFFFFFF, schema=f"verify_{like.schema}", role="")
    with use_tenant(PLATFORM), transaction.atomic():
        schemas.create_schema(model)
        migrate_new_with_dormant(model, dormant)
        with use_tenant(model):
            parts = parts_of(model.schema)
        transaction.set_rollback(True)
    PerTenantDict.forget(model.schema)
    return parts
