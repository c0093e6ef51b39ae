"""Giving a live tenant another variant, and back: in one transaction, and nothing is lost on the way."""

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
    """What became of a tenant's rows when it got another variant; each by table."""

    tenant: TenantInfo
    """As it is now."""
    before: str
    """The variant that it had."""
    kept: RowCounts = field(default_factory=dict)
    """The rows that are kept aside, and found again when the tenant gets its old variant back."""
    found: RowCounts = field(default_factory=dict)
    """The rows that were kept aside since the tenant had this variant before."""
    begun: RowCounts = field(default_factory=dict)
    """The rows that were made for what was there, with the defaults."""
    mapped: RowCounts = field(default_factory=dict)
    """The rows that got their values from a file."""

    @property
    def lines(self) -> list[str]:
        """What became of the rows, in words, a line for each table."""
        words = {
            "found again": self.found,
            "begun with the defaults": {table: rows for table, rows in self.begun.items() if rows},
            "filled from the file": self.mapped,
            "kept aside until the shop gets this variant back": self.kept,
        }
        return [f"{table}: {rows} rows {what}" for what, tables in words.items() for table, rows in tables.items()]


def set_variant(
    slug: TenantRef, variant: str, *, mapping: Files | None = None, lock_timeout: float = 10.0
) -> VariantChange:
    """Give a tenant another variant, and return what became of its rows; on any error everything is as it was.

    Its schema gets the variant's tables, and each row of the base a row of the variant's with the defaults. `mapping`
    has better values: a CSV file by the name of a model of the variant (`tenants.lifecycle.variant_csv`). What
    the variant before had is kept aside in the schema, and found again when the tenant gets that back; also where the
    code has that variant no more.

    All of it is one transaction; until it is over, shoppers see the shop as it was, and whoever writes what the variant
    extends waits; where a variant is put aside or brought back, readers wait as well. Raises `LockTimeout` if others
    have one of its tables in use for more than `lock_timeout` seconds (0: wait for as long as it takes); also
    `TenantNotFound`, `UnknownVariant`, `SchemaOutdated`, `TenantAhead`, `TenantLocked` while the tenant is migrated,
    copied or has other work to be done, `InvalidMappingFile` or `StepFailed`.
    """
    check_known(variant)
    with wrap_errors(f"Giving {describe(slug)} the variant {variant!r}"), lock_tenant(slug) as row:
        before = info_of(row)
        _check_no_work_in_hand(before)
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


def _check_no_work_in_hand(tenant: TenantInfo) -> None:
    others = Operation.objects.filter(tenant_id=tenant.id, state__in=Operation.UNFINISHED).exclude(kind="variant")
    if others.exists():
        raise TenantLocked(tenant.slug)


def _lock_tables(before: TenantInfo, after: TenantInfo, applied: frozenset[Key], seconds: float) -> None:
    """Lock all that will change before anything does; later there would be deadlocks with whoever uses the shop."""
    with use_tenant(after.as_owner()):
        kept = dormant_variants_of(applied, DEFAULT)  # what the tenant has is kept from now on
        tables = affected_tables(before.variant, applied) | affected_tables(after.variant, applied)
        # Loosening and tightening foreign keys is the one thing that not even readers may see.
        is_moved = not _is_known(before) or kept.keys() & {before.variant, after.variant}
        no_readers = before.variant != after.variant and is_moved
        lock_tables(tables, "ACCESS EXCLUSIVE" if no_readers else "EXCLUSIVE", seconds)


def _change(before: TenantInfo, after: TenantInfo, applied: frozenset[Key], mapping: Files) -> VariantChange:
    PerTenantDict.forget(before.schema)
    kept: RowCounts = {}
    found: RowCounts = {}
    with use_tenant(after.as_owner()):
        if before.variant != after.variant:
            if before.variant != DEFAULT:
                kept = deactivate_variant(before.variant, applied)
            if after.variant in dormant_variants_of(applied, before.variant):
                found = reactivate_variant(after.variant, applied)
            if not _is_known(before):  # what it had counts as history from now on
                SchemaHistory(after, applied).record()
            migrate_restored(after)
        begun = fill_children(after.variant)
        mapped = read_mappings(after.variant, mapping)
        connection.check_constraints()
    return VariantChange(tenant=after, before=before.variant, kept=kept, found=found, begun=begun, mapped=mapped)
