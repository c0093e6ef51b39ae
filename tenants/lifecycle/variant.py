"""Change of a live tenant's variant, in one transaction and without loss of rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from django.db import connection

from tenants.context import TenantInfo, use_tenant
from tenants.errors import SchemaOutdated, TenantLocked
from tenants.isolation.per_tenant_dict import PerTenantDict
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, describe, lock_tenant, wrap_errors
from tenants.lifecycle.variant_csv import Files, read_mappings
from tenants.migrator.dormant_variants import (
    RowCounts,
    affected_tables,
    deactivate_variant,
    dormant_variants_of,
    fill_children,
    reactivate_variant,
)
from tenants.migrator.graph import target_fingerprint
from tenants.migrator.history import SchemaHistory
from tenants.migrator.release_order import check_not_ahead
from tenants.migrator.restored import migrate_restored
from tenants.models import Operation, Tenant
from tenants.models.code_release import Key
from tenants.postgresql.table_locks import lock_tables
from tenants.registry.tenant_info import info_of
from tenants.variants.discovery import DEFAULT, check_known, known_variants


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantChange:
    """Result of changing a tenant's variant: row counts by table."""

    tenant: TenantInfo
    before: str
    """The previous variant."""
    dormant: RowCounts = field(default_factory=dict)
    """Rows of the previous variant, which stay in the schema."""
    reactivated: RowCounts = field(default_factory=dict)
    """Rows that were dormant since the tenant had this variant before."""
    created: RowCounts = field(default_factory=dict)
    """Rows that were created with defaults for existing rows of the base."""
    imported: RowCounts = field(default_factory=dict)
    """Rows that got values from a file."""

    @property
    def lines(self) -> list[str]:
        """The row counts in words, one line for each table."""
        words = {
            "reactivated": self.reactivated,
            "created with defaults": {table: rows for table, rows in self.created.items() if rows},
            "imported from the file": self.imported,
            "dormant until the shop gets this variant back": self.dormant,
        }
        return [f"{table}: {rows} rows {what}" for what, tables in words.items() for table, rows in tables.items()]


def set_variant(
    slug: TenantRef, variant: str, *, mapping: Files | None = None, lock_timeout: float = 10.0
) -> VariantChange:
    """Change a tenant's variant and return the row counts; on any error, all of it is rolled back.

    The schema gets the variant's tables, and each row of the base gets a row of the variant with default values.
    `mapping` provides other values: CSV files by model of the variant (`tenants.lifecycle.variant_csv`). The rows of
    the previous variant stay in the schema, dormant, until the tenant gets it back. The code of that variant need not
    exist.

    It is one transaction. Until the commit, shoppers see the old shop; writers to the tables that change wait, and
    readers too if a variant becomes dormant or active again. Raises `LockTimeout` if one of the tables is locked for
    more than `lock_timeout` seconds (0: no limit), `TenantLocked` while the tenant is migrated, copied or has other
    operations, or `TenantNotFound`, `UnknownVariant`, `SchemaOutdated`, `TenantAhead`, `InvalidMappingFile` or
    `OperationFailed`.
    """
    check_known(variant)
    with wrap_errors(f"Changing the variant of {describe(slug)} to {variant!r}"), lock_tenant(slug) as row:
        before = info_of(row)
        _check_no_other_operation(before)
        with use_tenant(before.as_owner()):
            history = SchemaHistory.claim(before, lock_timeout)
        _check_is_current(history)
        after = replace(before, variant=variant)
        _lock_tables(before, after, history.applied, lock_timeout)
        change = _change(before, after, history.applied, mapping or {})
        row.variant = variant
        row.save(update_fields=["variant"])
        change = replace(change, tenant=info_of(Tenant.objects.select_related("state").get(pk=row.pk)))
        facts = {key: value for key, value in asdict(change).items() if key not in {"tenant", "before"} and value}
        audit.record("variant", change.tenant, before=before.variant, variant=variant, **facts)
    return change


def _check_is_current(history: SchemaHistory) -> None:
    tenant = history.tenant
    if _is_known(tenant):
        check_not_ahead(history)
        if history.fingerprint != target_fingerprint(tenant.variant):
            raise SchemaOutdated(tenant.slug)
    else:
        # The code of its variant is gone, and no run can migrate it before it has another one.
        others = frozenset(key for key in history.applied if key[0] != tenant.variant)
        check_not_ahead(SchemaHistory(replace(tenant, variant=DEFAULT), others))


def _is_known(tenant: TenantInfo) -> bool:
    return tenant.variant in known_variants()


def _check_no_other_operation(tenant: TenantInfo) -> None:
    others = Operation.objects.filter(tenant_id=tenant.id, state__in=Operation.UNFINISHED).exclude(kind="variant")
    if others.exists():
        raise TenantLocked(tenant.slug)


def _lock_tables(before: TenantInfo, after: TenantInfo, applied: frozenset[Key], seconds: float) -> None:
    """Lock all tables that will change before the first change; later, there would be deadlocks with requests."""
    with use_tenant(after.as_owner()):
        dormant = dormant_variants_of(applied, DEFAULT)  # with the present variant, which becomes dormant
        tables = affected_tables(before.variant, applied) | affected_tables(after.variant, applied)
        # Only the change of foreign keys locks out readers.
        is_moved = not _is_known(before) or dormant.keys() & {before.variant, after.variant}
        no_readers = before.variant != after.variant and is_moved
        lock_tables(tables, "ACCESS EXCLUSIVE" if no_readers else "EXCLUSIVE", seconds)


def _change(before: TenantInfo, after: TenantInfo, applied: frozenset[Key], mapping: Files) -> VariantChange:
    PerTenantDict.forget(before.schema)
    dormant: RowCounts = {}
    reactivated: RowCounts = {}
    with use_tenant(after.as_owner()):
        if before.variant != after.variant:
            if before.variant != DEFAULT:
                dormant = deactivate_variant(before.variant, applied)
            if after.variant in dormant_variants_of(applied, before.variant):
                reactivated = reactivate_variant(after.variant, applied)
            if not _is_known(before):  # its records are history from now on
                SchemaHistory(after, applied).record()
            migrate_restored(after)
        created = fill_children(after.variant)
        imported = read_mappings(after.variant, mapping)
        connection.check_constraints()
    return VariantChange(
        tenant=after,
        before=before.variant,
        dormant=dormant,
        reactivated=reactivated,
        created=created,
        imported=imported,
    )
