"""Deletion of a tenant: reversible during the grace period, then purged for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantNotFound
from tenants.lifecycle import audit
from tenants.lifecycle.files import remove_files
from tenants.lifecycle.locking import TenantRef, lock_tenant, not_found, tenant_filter
from tenants.lifecycle.progress import Progress
from tenants.migrator.history import session_lock
from tenants.models import Tenant
from tenants.postgresql import tenant_schemas as schemas
from tenants.registry.tenant_info import info_of

_GONE = [Tenant.Status.DELETED, Tenant.Status.PURGING]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One deletion of a tenant. If the tenant is restored and deleted again, that is another one."""

    tenant_id: int
    slug: str
    purge_after: datetime


def delete_tenant(slug: TenantRef) -> TenantInfo:
    """Delete a tenant and return it: its hosts answer 404, and its slug stays taken.

    It can be undeleted for `TENANTS["GRACE_DAYS"]`; after that, `purge_tenants` drops its data. Raises
    `TenantNotFound`.
    """
    with lock_tenant(slug) as tenant:
        tenant.status = Tenant.Status.DELETED
        purge_after = end_of_grace(tenant)
        tenant.save(update_fields=["status", "purge_after"])
        info = info_of(tenant)
        audit.record("delete", info, purge_after=purge_after.isoformat())
    return info


def end_of_grace(tenant: Tenant) -> datetime:
    """Set and return the time when a deleted tenant may be purged, by the database's clock."""
    now: datetime = Tenant.objects.values_list(Now(), flat=True).get(pk=tenant.pk)
    tenant.purge_after = now + timedelta(days=tenancy().grace_days)
    return tenant.purge_after


def undelete_tenant(slug: TenantRef) -> TenantInfo:
    """Restore a deleted tenant that is not purged yet, and return it; raise `TenantNotFound`."""
    with lock_tenant(slug, deleted=True) as tenant:
        # Only suspended tenants have a bypass secret.
        tenant.status = Tenant.Status.SUSPENDED if tenant.bypass else Tenant.Status.ACTIVE
        tenant.purge_after = None
        tenant.save(update_fields=["status", "purge_after"])
        info = info_of(tenant)
        audit.record("undelete", info)
    return info


def due_for_purge() -> list[str]:
    """Return the slugs of tenants whose grace period is over, or whose purge was interrupted."""
    return [deletion.slug for deletion in deletions_due()]


def deletions_due() -> list[Deletion]:
    """Return the deletions behind `due_for_purge`, which stay valid if a slug changes hands before the purge."""
    over = Q(status=Tenant.Status.DELETED, purge_after__lte=Now())
    interrupted = Q(status=Tenant.Status.PURGING)
    with use_tenant(PLATFORM):
        return [_deletion_of(tenant) for tenant in Tenant.objects.filter(over | interrupted)]


def _deletion_of(tenant: Tenant) -> Deletion:
    return Deletion(tenant_id=tenant.pk, slug=tenant.slug, purge_after=cast(datetime, tenant.deletion))


def purge_tenant(slug: TenantRef | Deletion, progress: Progress = lambda done, total: None) -> None:
    """Drop a deleted tenant's schema, role, files and row for good.

    Raises `TenantNotFound` if the tenant is not deleted, or if a `Deletion` was undone since. An interrupted purge is
    completed by the next one.
    """
    tenant = _start_purge(slug)
    with session_lock(tenant, wait=60):
        # In batches: dropping a schema at once locks each of its tables and indexes, and PostgreSQL's lock table is
        # limited by `max_locks_per_transaction`.
        with use_tenant(tenant.as_owner()):
            schemas.drop_tables_in_batches(tenant, progress)
        remove_files(tenant)
        with use_tenant(PLATFORM), transaction.atomic():
            schemas.drop_schema(tenant)
            Tenant.objects.filter(pk=tenant.id).delete()
            audit.record("purge", tenant)


def _start_purge(ref: TenantRef | Deletion) -> TenantInfo:
    is_meant = tenant_filter(ref.tenant_id if isinstance(ref, Deletion) else ref)
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(is_meant, status__in=_GONE).first()
        if isinstance(ref, Deletion) and (tenant is None or tenant.deletion != ref.purge_after):
            raise TenantNotFound(ref.slug, "brought back")
        if tenant is None:
            raise not_found(ref if not isinstance(ref, Deletion) else ref.tenant_id)
        tenant.status = Tenant.Status.PURGING  # cannot be undone from here on
        tenant.save(update_fields=["status"])
        return info_of(tenant)
