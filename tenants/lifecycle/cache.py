"""Emptying one tenant's cache: its keys get another generation, and what is under the old ones is found no more."""

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
    """Let a tenant find nothing of what it has cached, in any cache with our key function, and touch nobody else's.

    It works alike for caches in memory, in files, in Redis or memcached, and asks none of them: the entries go when
    their time is over or the room is needed. This process knows at the commit, the others within a second. Sessions
    that are kept in a cache are lost with it. Raises `TenantNotFound`.
    """
    with lock_tenant(slug) as tenant:
        tenant.cache_generation = F("cache_generation") + 1
        tenant.save(update_fields=["cache_generation"])
        tenant.refresh_from_db(fields=["cache_generation"])
        info = info_of(tenant)
        audit.record("clear cache", info)
        transaction.on_commit(partial(set_cache_generation, info.schema, info.cache_generation))
    return info
