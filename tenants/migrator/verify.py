"""Whether what is recorded of the tenants' schemas is true: everything recomputed from PostgreSQL's catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import connection, transaction

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.aside import kept_aside, migrate_new_with_kept
from tenants.migrator.graph import Key, fingerprint, target_fingerprint
from tenants.migrator.records import read_applied
from tenants.models import SchemaState
from tenants.postgresql import schemas
from tenants.postgresql.catalog import Parts, differences, parts_of
from tenants.variants.discovery import known_variants

_BATCH = 50
"""Schemas whose parts are held in memory at once."""

Expected = dict[tuple[str, str], Parts]
"""What schemas should be made of, by variant and what they keep aside."""

_OF_A_TENANT = re.compile(r"t_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a schema that is not as it should be."""

    schema: str
    slug: str
    """The tenant's; empty for a schema without a tenant."""
    what: str


def verify(tenants: Sequence[TenantInfo]) -> Iterator[Finding]:
    """Yield whatever is wrong with the schemas of `tenants`: state, tables, columns, constraints, indexes, roles."""
    expected: Expected = {}
    for start in range(0, len(tenants), _BATCH):
        batch = tenants[start : start + _BATCH]
        with use_tenant(PLATFORM):
            states = dict(SchemaState.objects.values_list("tenant_id", "fingerprint"))
            parts = parts_of([tenant.schema for tenant in batch])
            roles = schemas.existing_roles([tenant.role for tenant in batch])
        for tenant in batch:
            for what in _wrong_with(tenant, parts[tenant.schema], expected, states, roles):
                yield Finding(schema=tenant.schema, slug=tenant.slug, what=what)


def schemas_without_tenant(tenants: Sequence[TenantInfo]) -> list[str]:
    """Return the schemas that are called like a tenant's and belong to none of `tenants`, which has to be all."""
    owned = {tenant.schema for tenant in tenants}
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace ORDER BY nspname")
        return [name for (name,) in cursor.fetchall() if _OF_A_TENANT.fullmatch(name) and name not in owned]


def _wrong_with(
    tenant: TenantInfo, parts: Parts, expected: Expected, states: dict[int, str], roles: set[str]
) -> Iterator[str]:
    if not parts:
        yield "the schema is missing or empty"
        return
    if tenant.variant not in known_variants():
        yield f"it has the variant {tenant.variant!r}, which this code does not have"
        return
    if tenant.role and tenant.role not in roles:
        yield f"the role {tenant.role} is missing"
    with use_tenant(tenant.as_owner()):
        applied = read_applied()
    found = fingerprint(applied, tenant.variant)
    on_record = states.get(tenant.id, "")
    if on_record and found != on_record:
        yield "its migrations are not those that the control plane has on record"
    if found == target_fingerprint(tenant.variant):
        kept = kept_aside(applied, tenant.variant)
        kind = (tenant.variant, str(kept))
        if kind not in expected:
            expected[kind] = _expected_parts(tenant, kept)
        yield from differences(parts, expected[kind])
    if found != target_fingerprint(tenant.variant) or not on_record:
        yield "it is behind the code: migrate_tenants"


def _expected_parts(like: TenantInfo, kept: dict[str, list[Key]]) -> Parts:
    """Make a schema of the tenant's kind, with what it keeps aside, look at it, and let it go again."""
    model = replace(like, id=0x7FFFFFFF, schema=f"verify_{like.schema}", role="")
    with use_tenant(PLATFORM), transaction.atomic():
        schemas.create_schema(model)
        migrate_new_with_kept(model, kept)
        parts = parts_of([model.schema])[model.schema]
        transaction.set_rollback(True)
    return parts
