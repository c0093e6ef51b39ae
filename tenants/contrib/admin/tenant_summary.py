"""Summary of a tenant for the admin: address, size, migrations, contents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.http.maintenance_bypass import bypass_link
from tenants.migrator.graph import target_fingerprint
from tenants.models import SchemaState, Tenant
from tenants.postgresql.tenant_schemas import sizes_in_bytes
from tenants.registry.tenant_info import info_of
from tenants.variants.discovery import known_variants


class MigrationStatus(TextChoices):
    """A schema compared with the migrations in the code."""

    CURRENT = "current", _("Up to date")
    BEHIND = "behind", _("Behind")
    FAILED = "failed", _("Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSummary:
    info: TenantInfo
    size: int | None
    """Bytes on disk; None without a schema."""
    migrations: MigrationStatus
    error: str
    """Error of the last migration, if it failed."""

    @property
    def url(self) -> str:
        return tenancy().url_of(self.info.host)

    @property
    def has_other_variants(self) -> bool:
        return bool(known_variants() - {self.info.variant})

    @property
    def staff_link(self) -> str:
        return bypass_link(self.info)


def add_summaries(tenants: Collection[Tenant]) -> None:
    """Set `summary` of each tenant, by one query for tenants of `annotated_tenants`."""
    infos = {tenant.pk: info_of(tenant) for tenant in tenants}
    sizes = sizes_in_bytes([info.schema for info in infos.values()])
    for tenant in tenants:
        info = infos[tenant.pk]
        tenant.summary = TenantSummary(  # type: ignore[attr-defined]
            info=info,
            size=sizes.get(info.schema),
            migrations=_migration_status(tenant),
            error=tenant.state.error if hasattr(tenant, "state") else "",
        )


def _migration_status(tenant: Tenant) -> MigrationStatus:
    state = getattr(tenant, "state", None)
    if state is not None and state.outcome == SchemaState.Outcome.FAILED:
        return MigrationStatus.FAILED
    is_current = state is not None and state.fingerprint == target_fingerprint(tenant.variant)
    return MigrationStatus.CURRENT if is_current else MigrationStatus.BEHIND


def migration_filter(status: MigrationStatus) -> Q:
    """Return the filter on `Tenant` for a status, without deleted tenants; takes one query."""
    exists = Q(status__in=[Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED])
    failed = Q(state__outcome=SchemaState.Outcome.FAILED)
    if status is MigrationStatus.FAILED:
        return exists & failed
    current = Q(pk__in=[])
    for variant in Tenant.objects.order_by().values_list("variant", flat=True).distinct():
        current |= Q(variant=variant, state__fingerprint=target_fingerprint(variant))
    return exists & ~failed & (current if status is MigrationStatus.CURRENT else ~current)


def tenants_to_migrate() -> QuerySet[Tenant]:
    return Tenant.objects.filter(migration_filter(MigrationStatus.BEHIND) | migration_filter(MigrationStatus.FAILED))


def contents_of(info: TenantInfo) -> tuple[int, int | None]:
    """Return the number of tables and of user accounts; None without a table of users."""
    users = get_user_model()
    # As the owner, so that the page works for a tenant whose role is missing.
    with use_tenant(info.as_owner()):
        tables = connection.introspection.table_names()
        count = users._default_manager.count() if users._meta.db_table in tables else None
    return len(tables), count
