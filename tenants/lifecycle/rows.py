"""Taking hold of a tenant's row, for the functions that change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Tenant


@contextmanager
def locked_tenant(slug: str, *, deleted: bool = False) -> Iterator[Tenant]:
    """Give the row of `slug`, locked, in a transaction of the control plane; raise `TenantNotFound`.

    `deleted` says which kind of row is meant: one that is there, or one that was deleted and can be had back.
    """
    statuses = [Tenant.Status.DELETED] if deleted else [Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED]
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(slug=slug, status__in=statuses).first()
        if tenant is None:
            raise not_found(slug)
        yield tenant


def not_found(slug: str) -> TenantNotFound:
    """Return the error for a tenant that is not there, or not with the status that the step is for."""
    with use_tenant(PLATFORM):
        status = Tenant.objects.filter(slug=slug).values_list("status", flat=True).first()
    return TenantNotFound(slug, str(status or ""))
