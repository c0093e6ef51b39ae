"""Deleting a tenant: first so that it can be had back, and for good when the days of grace are over."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from tenants import audit
from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle.files import remove_files
from tenants.lifecycle.progress import Progress
from tenants.lifecycle.rows import locked_tenant, not_found
from tenants.migrator.records import session_claim
from tenants.models import Tenant
from tenants.postgresql import schemas
from tenants.registry import info_of


def delete_tenant(slug: str) -> TenantInfo:
    """Delete a tenant: nobody finds it any more, and its slug stays taken, until it is had back or purged.

    Returns it; raises `TenantNotFound`. `TENANTS["GRACE_DAYS"]` later `purge_tenants` takes its data away.
    """
    with locked_tenant(slug) as tenant:
        tenant.status = Tenant.Status.DELETED
        tenant.purge_after = timezone.now() + timedelta(days=tenancy().grace_days)
        tenant.save(update_fields=["status", "purge_after"])
        info = info_of(tenant)
        audit.record("delete", info, purge_after=tenant.purge_after.isoformat())
    return info


def undelete_tenant(slug: str) -> TenantInfo:
    """Have a deleted tenant back as it was, as long as it is not purged; return it or raise `TenantNotFound`."""
    with locked_tenant(slug, deleted=True) as tenant:
        # Who is suspended has a bypass secret, and nobody else has.
        tenant.status = Tenant.Status.SUSPENDED if tenant.bypass else Tenant.Status.ACTIVE
        tenant.purge_after = None
        tenant.save(update_fields=["status", "purge_after"])
        info = info_of(tenant)
        audit.record("undelete", info)
    return info


def due_for_purge() -> list[str]:
    """Return the slugs of deleted tenants whose days of grace are over, and of those whose purge was cut short."""
    with use_tenant(PLATFORM):
        over = Tenant.objects.filter(status=Tenant.Status.DELETED, purge_after__lte=timezone.now())
        cut_short = Tenant.objects.filter(status=Tenant.Status.PURGING)
        return list((over | cut_short).values_list("slug", flat=True))


def purge_tenant(slug: str, progress: Progress = lambda done, total: None) -> None:
    """Drop a deleted tenant's schema, role, files and row, for good; raise `TenantNotFound` if it is not deleted.

    Tables go in batches, each a transaction of its own: a schema dropped at once takes a lock for every table and
    index in it, and PostgreSQL's lock table is bounded (`max_locks_per_transaction`). Cut short, it is finished by
    the next purge.
    """
    tenant = _begin_purge(slug)
    with session_claim(tenant, patience=60):  # nobody migrates what goes away
        with use_tenant(tenant.as_owner()):
            schemas.drop_tables_in_batches(tenant, progress)
        remove_files(tenant)
        with use_tenant(PLATFORM), transaction.atomic():
            schemas.drop_schema(tenant)
            Tenant.objects.filter(pk=tenant.id).delete()
            audit.record("purge", tenant)


def _begin_purge(slug: str) -> TenantInfo:
    statuses = [Tenant.Status.DELETED, Tenant.Status.PURGING]
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(slug=slug, status__in=statuses).first()
        if tenant is None:
            raise not_found(slug)
        tenant.status = Tenant.Status.PURGING  # from here on there is no way back
        tenant.save(update_fields=["status"])
        return info_of(tenant)
