"""Whether what is recorded of the tenants' schemas is true: everything recomputed from PostgreSQL's catalogue."""

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
from tenants.postgresql.introspection import Parts, differences, parts_of
from tenants.variants.discovery import known_variants

_BATCH = 50
"""Tenants whose records are read at once."""

Expected = dict[tuple[str, str], Parts]
"""What schemas should be made of, by variant and what they keep aside."""

MIGRATIONS = "table django_migrations"

_OF_A_TENANT = re.compile(r"t_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a schema that is not as it should be."""

    schema: str
    slug: str
    """The tenant's; empty for a schema without a tenant."""
    what: str


def verify(tenants: Sequence[TenantInfo]) -> Iterator[Finding]:
    """Yield what is wrong with the schemas of `tenants`: what is on record, everything in them, roles and rights."""
    expected: Expected = {}
    for start in range(0, len(tenants), _BATCH):
        batch = tenants[start : start + _BATCH]
        with use_tenant(PLATFORM):
            batch_states = SchemaState.objects.filter(tenant_id__in=[tenant.id for tenant in batch])
            states = dict(batch_states.values_list("tenant_id", "fingerprint"))
            roles = schemas.existing_roles([tenant.role for tenant in batch])
        for tenant in batch:
            for what in _wrong_with(tenant, expected, states, roles):
                yield Finding(schema=tenant.schema, slug=tenant.slug, what=what)


def schemas_without_tenant(tenants: Sequence[TenantInfo]) -> list[str]:
    """Return the schemas that are called like a tenant's and belong to none of `tenants`, which has to be all."""
    owned = {tenant.schema for tenant in tenants}
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace ORDER BY nspname")
        return [name for (name,) in cursor.fetchall() if _OF_A_TENANT.fullmatch(name) and name not in owned]


def _wrong_with(tenant: TenantInfo, expected: Expected, states: dict[int, str], roles: set[str]) -> Iterator[str]:
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
        yield f"its role may do nothing with {table}: reconcile_tenants"
    if unknown := newer_migrations(history):
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        yield f"it is newer than this code, which has no migration {names}: look with the newer release"
        return
    yield from _differs(history, parts, expected, states.get(tenant.id, ""))


def _differs(history: SchemaHistory, parts: Parts, expected: Expected, on_record: str) -> Iterator[str]:
    tenant, found = history.tenant, history.fingerprint
    if on_record and found != on_record:
        yield "its migrations are not those that the control plane has on record"
    if found == target_fingerprint(tenant.variant):
        kept = dormant_variants_of(history.applied, tenant.variant)
        kind = (tenant.variant, str(kept))
        if kind not in expected:
            expected[kind] = _expected_parts(tenant, kept)
        yield from differences(parts, expected[kind], names_that_count=_names_in_code())
    if found != target_fingerprint(tenant.variant) or not on_record:
        yield "it is behind the code: migrate_tenants"


def _names_in_code() -> set[str]:
    """Return the names of indexes and constraints that models give: migrations look for them by these."""
    models = apps.get_models(include_auto_created=True)
    return {part.name for model in models for part in (*model._meta.indexes, *model._meta.constraints)}


def _expected_parts(like: TenantInfo, kept: dict[str, list[Key]]) -> Parts:
    """Make a schema of the tenant's kind, with what it keeps aside, look at it, and let it go again."""
    model = replace(like, id=0x7FFFFFFF, schema=f"verify_{like.schema}", role="")
    with use_tenant(PLATFORM), transaction.atomic():
        schemas.create_schema(model)
        migrate_new_with_dormant(model, kept)
        with use_tenant(model):
            parts = parts_of(model.schema)
        transaction.set_rollback(True)
    PerTenantDict.forget(model.schema)
    return parts
