"""Row locks, orphan checks and error wrapping for the functions that change a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from tenants.context import PLATFORM, use_tenant
from tenants.errors import OperationFailed, TenantNotFound
from tenants.migrator.history import LOCK_SPACE
from tenants.models import Tenant

TenantRef = str | int
"""A tenant's slug, or its id, which never changes. Steps that wait or take long use the id."""

_EXISTING = [Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED]


def tenant_filter(ref: TenantRef) -> Q:
    return Q(pk=ref) if isinstance(ref, int) else Q(slug=ref)


def describe(ref: TenantRef) -> str:
    """Return how an error message names the tenant."""
    return f"tenant {ref!r}" if isinstance(ref, str) else f"tenant number {ref}"


@contextmanager
def lock_tenant(ref: TenantRef, *, deleted: bool = False) -> Iterator[Tenant]:
    """Lock the tenant's row in a transaction of the control plane; raise `TenantNotFound`.

    The tenant has to be active or suspended, or with `deleted`, to be deleted but not purged.
    """
    statuses = [Tenant.Status.DELETED] if deleted else _EXISTING
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(tenant_filter(ref), status__in=statuses).first()
        if tenant is None:
            raise not_found(ref)
        yield tenant


def existing_tenant(ref: TenantRef) -> Tenant:
    """Return the row of a tenant that is active or suspended; raise `TenantNotFound`."""
    tenant = Tenant.objects.filter(tenant_filter(ref), status__in=_EXISTING).first()
    if tenant is None:
        raise not_found(ref)
    return tenant


def not_found(ref: TenantRef) -> TenantNotFound:
    """Return the error for a tenant that does not exist or has the wrong status."""
    with use_tenant(PLATFORM):
        found = Tenant.objects.filter(tenant_filter(ref)).values_list("slug", "status").first()
    return TenantNotFound(ref) if found is None else TenantNotFound(found[0], str(found[1]))


def is_orphaned(tenant_id: int) -> bool:
    """Return whether no tenant has this id, and none with it is being created."""
    with use_tenant(PLATFORM), transaction.atomic(), connection.cursor() as cursor:
        # In this order: the creator releases the lock only after its row is visible.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, tenant_id])
        (is_free,) = cursor.fetchone()
        return bool(is_free) and not Tenant.objects.filter(pk=tenant_id).exists()


@contextmanager
def wrap_errors(operation: str) -> Iterator[None]:
    """Raise errors of the database and the file system as `OperationFailed`."""
    try:
        yield
    except (DatabaseError, psycopg.Error, OSError) as error:
        raise OperationFailed(operation, str(error) or type(error).__name__) from error
