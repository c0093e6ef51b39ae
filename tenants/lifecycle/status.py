"""Closing a tenant's doors for a while, and opening them again."""

from __future__ import annotations

from django.db import transaction

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantNotFound
from tenants.models import Tenant
from tenants.registry import info_of


def suspend_tenant(slug: str) -> TenantInfo:
    """Close a tenant: its hosts answer 503 until it is resumed. Return it; raise `TenantNotFound`."""
    return _set_status(slug, Tenant.Status.SUSPENDED)


def resume_tenant(slug: str) -> TenantInfo:
    """Open a suspended tenant again and return it; raise `TenantNotFound`."""
    return _set_status(slug, Tenant.Status.ACTIVE)


def _set_status(slug: str, status: Tenant.Status) -> TenantInfo:
    with use_tenant(PLATFORM), transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(slug=slug).first()
        if tenant is None:
            raise TenantNotFound(slug)
        tenant.status = status
        tenant.save(update_fields=["status"])
        return info_of(tenant)
