"""Suspension of a tenant, and its end."""

from __future__ import annotations

import secrets

from tenants.context import TenantInfo
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.models import Tenant
from tenants.registry.tenant_info import info_of


def suspend_tenant(slug: TenantRef, notice: str = "") -> TenantInfo:
    """Suspend a tenant and return it: its hosts answer 503, with `notice` on the page, until it is resumed.

    Staff can still enter with `tenants.http.maintenance_bypass.bypass_link`. Raises `TenantNotFound`.
    """
    with lock_tenant(slug) as tenant:
        tenant.status = Tenant.Status.SUSPENDED
        tenant.notice = notice
        tenant.bypass = secrets.token_urlsafe(24)
        tenant.save(update_fields=["status", "notice", "bypass"])
        info = info_of(tenant)
        audit.record("suspend", info, notice=notice)
    return info


def resume_tenant(slug: TenantRef) -> TenantInfo:
    """Resume a suspended tenant and return it; bypass links stop working. Raises `TenantNotFound`."""
    with lock_tenant(slug) as tenant:
        tenant.status = Tenant.Status.ACTIVE
        tenant.notice = tenant.bypass = ""
        tenant.save(update_fields=["status", "notice", "bypass"])
        info = info_of(tenant)
        audit.record("resume", info)
    return info
