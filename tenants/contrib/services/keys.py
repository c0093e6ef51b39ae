"""Keys of signed identities: one for each service."""

from __future__ import annotations

import time
from functools import cache, lru_cache

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.observability.principal import Principal
from tenants.contrib.services.identity import Identity, sign
from tenants.isolation.signing import former_tenant_keys, tenant_key
from tenants.settings_cache import on_setting_change

REUSE_SECONDS = 5.0
"""How long a signed identity is reused: a sixth of its lifetime."""


@cache
def service_key(service: str) -> bytes:
    """Return the key of a service, 32 bytes, derived from SECRET_KEY and the service's name."""
    with use_tenant(PLATFORM):
        return tenant_key(_purpose(service))


@cache
def service_keys(service: str) -> tuple[bytes, ...]:
    """Return all keys that a service accepts: the current one, and those of SECRET_KEY_FALLBACKS."""
    with use_tenant(PLATFORM):
        return (service_key(service), *former_tenant_keys(_purpose(service)))


def _purpose(service: str) -> str:
    return f"service:{service}"


def identity_header(service: str, tenant: TenantInfo, principal: Principal) -> str:
    """Return the signed identity of a request to `service`."""
    period = int(time.time() / REUSE_SECONDS)
    return _signed(service, tenant.id, tenant.slug, tenant.epoch, tenant.host, principal, period)


@lru_cache(maxsize=4_096)
def _signed(service: str, tenant: int, slug: str, epoch: str, host: str, principal: Principal, period: int) -> str:
    """Return the identity of one `period`, in which equal requests share it."""
    return sign(Identity(tenant, slug, epoch, host, principal), service=service, key=service_key(service))


for _cached in (service_key, service_keys, _signed):
    on_setting_change(_cached.cache_clear, "SECRET_KEY", "SECRET_KEY_FALLBACKS")
