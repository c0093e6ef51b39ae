"""The keys that identities are signed with: one for each service, of which it can be given its own alone."""

from __future__ import annotations

from functools import cache

from django.core.signals import setting_changed

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.services.identity import Identity, Principal, sign
from tenants.signing import former_tenant_keys, tenant_key


@cache
def service_key(service: str) -> bytes:
    """Return the key of a service, 32 bytes: it hangs on SECRET_KEY and the service's name."""
    with use_tenant(PLATFORM):
        return tenant_key(_purpose(service))


@cache
def service_keys(service: str) -> tuple[bytes, ...]:
    """Return all keys that a service takes: the one of today, and those of SECRET_KEY_FALLBACKS."""
    with use_tenant(PLATFORM):
        return (service_key(service), *former_tenant_keys(_purpose(service)))


def _purpose(service: str) -> str:
    return f"service:{service}"


def identity_header(service: str, tenant: TenantInfo, principal: Principal) -> str:
    """Return the identity of a request to `service`, in the name of a tenant and as somebody of it."""
    identity = Identity(tenant.id, tenant.slug, tenant.epoch, tenant.host, principal)
    return sign(identity, service=service, key=service_key(service))


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"SECRET_KEY", "SECRET_KEY_FALLBACKS"}:
        service_key.cache_clear()
        service_keys.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.services.keys")
