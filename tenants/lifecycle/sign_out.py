"""Sign-out of all users of a tenant."""

from __future__ import annotations

from tenants.context import TenantInfo
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.registry.tenant_info import info_of


def sign_out_tenant(slug: TenantRef) -> TenantInfo:
    """Invalidate all sessions, links and tokens of a tenant, and return it; raise `TenantNotFound`."""
    # Signing keys are derived from the epoch, so only the tenant's row changes.
    with lock_tenant(slug) as tenant:
        tenant.save(update_fields=tenant.renew_epoch())
        info = info_of(tenant)
        audit.record("sign_out", info)
    return info
