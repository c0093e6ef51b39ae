"""Deleting a tenant: first so that it can be had back, and for good when the days of grace are over."""

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
    """One deletion of one tenant; if that is brought back and deleted again, that is another one."""

    tenant_id: int
    slug: str
    purge_after: datetime


def delete_tenant(slug: TenantRef) -> TenantInfo:
    """Delete a tenant: nobody finds it any more, and its slug stays taken, until it is had back or purged.

    Returns it; raises `TenantNotFound`. `TENANTS["GRACE_DAYS"]` later `purge_tenants` takes its data away.
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
    """Have a deleted tenant back as it was, as long as it is not purged; return it or raise `TenantNotFound`."""
    with lock_tenant(slug, deleted=True) as tenant:
        # Who is suspended has a bypass secret, and nobody else has.
        tenant.status = Tenant.Status.SUSPENDED if tenant.bypass else Tenant.Status.ACTIVE
        tenant.purge_after = None
        tenant.save(update_fields=["status", "purge_after"])
        info = info_of(tenant)
        audit.record("undelete", info)
    return info


def due_for_purge() -> list[str]:
    """Return the slugs of deleted tenants whose days of grace are over, and of those whose purge was cut short."""
    return [deletion.slug for deletion in deletions_due()]


def deletions_due() -> list[Deletion]:
    """Return what `due_for_purge` names as what it is: each may be undone, and its slug given away, before its turn."""
    over = Q(status=Tenant.Status.DELETED, purge_after__lte=Now())
    cut_short = Q(status=Tenant.Status.PURGING)
    with use_tenant(PLATFORM):
        return [_deletion_of(tenant) for tenant in Tenant.objects.filter(over | cut_short)]


def _deletion_of(tenant: Tenant) -> Deletion:
    return Deletion(tenant_id=tenant.pk, slug=tenant.slug, purge_after=cast(datetime, tenant.deletion))


def purge_tenant(slug: TenantRef | Deletion, progress: Progress = lambda done, total: None) -> None:
    """Drop a deleted tenant's schema, role, files and row, for good; raise `TenantNotFound` if it is not deleted.

    With a `Deletion`, also if it was brought back since, even if it is deleted again by now.

    Tables go in batches, each a transaction of its own: a schema dropped at once takes a lock for every table and
    index in it, and PostgreSQL's lock table is bounded (`max_locks_per_transaction`). Cut short, it is finished by
    the next purge.
    """
    tenant = _begin_purge(slug)
    with session_lock(tenant, wait=60):  # nobody migrates what goes away
        with use_tenant(tenant.as_owner()):
            schemas.drop_tables_in_batches(tenant, progress)
        remove_files(tenant)
        with use_tenant(PLATFORM), transaction.atomic():
            schemas.drop_schema(tenant)
            Tenant.objects.filter(pk=tenant.id).delete()
            audit.record("purge", tenant)


def _begin_purge(ref: TenantRef | Deletion) -> TenantInfo:
    meant = tenant_filter(ref.tenant_id if isinstance(ref, Deletion) else ref)
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(meant, status__in=_GONE).first()
        if isinstance(ref, Deletion) and (tenant is None or tenant.deletion != ref.purge_after):
            raise TenantNotFound(ref.slug, "brought back")
        if tenant is None:
            raise not_found(ref if not isinstance(ref, Deletion) else ref.tenant_id)
        tenant.status = Tenant.Status.PURGING  # from here on there is no way back
        tenant.save(update_fields=["status"])
        return info_of(tenant)
