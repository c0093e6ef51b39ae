"""Signing everybody out of a tenant."""

from __future__ import annotations

from tenants.context import TenantInfo
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.registry.tenant_info import info_of


def sign_out_tenant(slug: TenantRef) -> TenantInfo:
    """Make void whatever a tenant has given out – sessions, links, tokens – and return it; raise `TenantNotFound`.

    No row is touched but the tenant's own: what it has signed was signed with keys that it has no more.
    """
    with lock_tenant(slug) as tenant:
        tenant.save(update_fields=tenant.renew_epoch())
        info = info_of(tenant)
        audit.record("sign_out", info)
    return info
