"""What an operator wants to know of tenants, asked for many of them at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.http.maintenance_bypass import bypass_link
from tenants.migrator.graph import target_fingerprint
from tenants.models import SchemaState, Tenant
from tenants.postgresql.tenant_schemas import sizes_in_bytes
from tenants.registry.tenant_info import info_of
from tenants.variants.discovery import known_variants


class Migrations(TextChoices):
    """How a tenant's schema stands to the migrations in the code."""

    CURRENT = "current", _("Up to date")
    BEHIND = "behind", _("Behind")
    FAILED = "failed", _("Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one tenant beside its row."""

    info: TenantInfo
    size: int | None
    """Bytes on disk; None where the tenant has no schema."""
    migrations: Migrations
    error: str
    """What stopped the last migration; empty unless it failed."""

    @property
    def url(self) -> str:
        return tenancy().url_of(self.info.host)

    @property
    def has_other_variants(self) -> bool:
        """Whether there is another variant that the tenant could get."""
        return bool(known_variants() - {self.info.variant})

    @property
    def staff_link(self) -> str:
        """The way into the tenant while it is suspended."""
        return bypass_link(self.info)


def facts_of(tenants: Collection[Tenant]) -> dict[int, Facts]:
    """Return the facts of each tenant by its id: one query, if their domains and states have been fetched."""
    infos = {tenant.pk: info_of(tenant) for tenant in tenants}
    sizes = sizes_in_bytes([info.schema for info in infos.values()])
    return {
        tenant.pk: Facts(
            info=(info := infos[tenant.pk]),
            size=sizes.get(info.schema),
            migrations=_migrations(tenant),
            error=tenant.state.error if hasattr(tenant, "state") else "",
        )
        for tenant in tenants
    }


def _migrations(tenant: Tenant) -> Migrations:
    state = getattr(tenant, "state", None)
    if state is not None and state.outcome == SchemaState.Outcome.FAILED:
        return Migrations.FAILED
    is_current = state is not None and state.fingerprint == target_fingerprint(tenant.variant)
    return Migrations.CURRENT if is_current else Migrations.BEHIND


def with_migrations(wanted: Migrations) -> Q:
    """Return the filter on `Tenant` for those, not deleted, whose migrations stand like that; one query."""
    exists = Q(status__in=[Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED])
    failed = Q(state__outcome=SchemaState.Outcome.FAILED)
    if wanted is Migrations.FAILED:
        return exists & failed
    current = Q(pk__in=[])
    for variant in Tenant.objects.order_by().values_list("variant", flat=True).distinct():
        current |= Q(variant=variant, state__fingerprint=target_fingerprint(variant))
    return exists & ~failed & (current if wanted is Migrations.CURRENT else ~current)


def furniture_of(info: TenantInfo) -> tuple[int, int | None]:
    """Return how many tables a tenant has and how many user accounts; None where it has no table of them."""
    users = get_user_model()
    # As the owner: a tenant whose role is missing is one that an operator has to look at.
    with use_tenant(info.as_owner()):
        tables = connection.introspection.table_names()
        count = users._default_manager.count() if users._meta.db_table in tables else None
    return len(tables), count
