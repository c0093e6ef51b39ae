"""Snapshot of a tenant: its data at one moment, with migrations locked out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantLocked
from tenants.lifecycle.locking import TenantRef, existing_tenant
from tenants.migrator.history import LOCK_SPACE
from tenants.models import Tenant
from tenants.postgresql.direct_connection import dedicated_connection
from tenants.registry.tenant_info import info_of


@contextmanager
def tenant_snapshot(ref: TenantRef) -> Iterator[TenantInfo]:
    """Open a transaction that sees the tenant as it is now, and lock out migrations until it ends.

    The shop stays open, and several snapshots can exist at once. The block starts as the control plane, on a separate
    connection and outside the caller's transaction. Raises `TenantNotFound`, or `TenantLocked` if a migration is
    running.
    """
    with dedicated_connection(), use_tenant(PLATFORM):
        tenant = existing_tenant(ref)
        _lock(tenant)
        # The lock comes first: the snapshot then contains all of an earlier migration, and no later one can start.
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield info_of(existing_tenant(tenant.pk))  # by id, because the slug may have changed


def _lock(tenant: Tenant) -> None:
    """Take the migration lock in shared mode until the session ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock_shared(%s, %s)", [LOCK_SPACE, tenant.pk])
        if not cursor.fetchone()[0]:
            raise TenantLocked(tenant.slug)
