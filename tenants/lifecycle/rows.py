"""Finding and locking a tenant's row, for the functions that change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Q

from tenants.context import PLATFORM, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Tenant

Which = str | int
"""A tenant: by the slug that it has now, or by its id, which it keeps. What takes time, or waits, goes by the id."""

_EXISTING = [Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED]


def is_tenant(which: Which) -> Q:
    """Return the filter on `Tenant` for the one that is meant."""
    return Q(pk=which) if isinstance(which, int) else Q(slug=which)


def in_words(which: Which) -> str:
    """Return how a message names the tenant that is meant."""
    return f"tenant {which!r}" if isinstance(which, str) else f"tenant number {which}"


@contextmanager
def locked_tenant(which: Which, *, deleted: bool = False) -> Iterator[Tenant]:
    """Give the tenant's row, locked, in a transaction of the control plane; raise `TenantNotFound`.

    `deleted` says which kind of row is meant: one that is there, or one that was deleted and can be had back.
    """
    statuses = [Tenant.Status.DELETED] if deleted else _EXISTING
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(is_tenant(which), status__in=statuses).first()
        if tenant is None:
            raise not_found(which)
        yield tenant


def existing_tenant(which: Which) -> Tenant:
    """Return the row of a tenant that is not deleted; raise `TenantNotFound`."""
    tenant = Tenant.objects.filter(is_tenant(which), status__in=_EXISTING).first()
    if tenant is None:
        raise not_found(which)
    return tenant


def not_found(which: Which) -> TenantNotFound:
    """Return the error for a tenant that is not there, or not with the status that the step is for."""
    with use_tenant(PLATFORM):
        found = Tenant.objects.filter(is_tenant(which)).values_list("slug", "status").first()
    return TenantNotFound(which) if found is None else TenantNotFound(found[0], str(found[1]))
