"""Looking at a tenant that stands still: as it is at one moment, and not migrated meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantLocked
from tenants.lifecycle.locking import TenantRef, existing_tenant
from tenants.migrator.history import LOCK_SPACE
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of


@contextmanager
def tenant_snapshot(ref: TenantRef) -> Iterator[TenantInfo]:
    """Give a tenant as it is at this moment, in a transaction of its own in which nothing of it changes any more.

    Its shoppers go on buying, and several such looks may be taken at once. Migrations leave it alone meanwhile. The
    block begins as the control plane, and on a connection of its own: a transaction that the caller is in has no part
    in it. Raises `TenantNotFound`, or `TenantLocked` if the tenant is being migrated.
    """
    with own_session(), use_tenant(PLATFORM):
        tenant = existing_tenant(ref)
        _claim(tenant)
        # The claim comes first: what a migration has done before it is seen whole, and none begins after it.
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield info_of(existing_tenant(tenant.pk))  # its slug may be another tenant's by now


def _claim(tenant: Tenant) -> None:
    """Claim a tenant until the session ends, together with others who look, and against those who migrate."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock_shared(%s, %s)", [LOCK_SPACE, tenant.pk])
        if not cursor.fetchone()[0]:
            raise TenantLocked(tenant.slug)
