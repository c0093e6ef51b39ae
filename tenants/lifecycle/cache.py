"""Clearing of one tenant's cache: its keys get a new generation, so old entries are not found."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import F

from tenants.context import TenantInfo
from tenants.isolation.cache import set_cache_generation
from tenants.lifecycle import audit
from tenants.lifecycle.locking import TenantRef, lock_tenant
from tenants.registry.tenant_info import info_of


def clear_tenant_cache(slug: TenantRef) -> TenantInfo:
    """Clear one tenant's entries in all caches with our key function, and return the tenant.

    It works for every cache backend without a request to it: old entries are evicted when they expire. This process
    uses the new generation from the commit on, the others within a second. Sessions in a cache are lost too. Raises
    `TenantNotFound`.
    """
    with lock_tenant(slug) as tenant:
        tenant.cache_generation = F("cache_generation") + 1
        tenant.save(update_fields=["cache_generation"])
        tenant.refresh_from_db(fields=["cache_generation"])
        info = info_of(tenant)
        audit.record("clear cache", info)
        transaction.on_commit(partial(set_cache_generation, info.schema, info.cache_generation))
    return info
