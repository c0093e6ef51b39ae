"""From `(host, path)` to the tenant that answers there. Knows no requests: middleware, gateway and tests call it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import inf
from typing import NamedTuple

from django.core.signals import setting_changed

from tenants.conf import TenancySettings, tenancy
from tenants.context import PLATFORM, TenantInfo
from tenants.errors import InvalidName
from tenants.names import validate_slug
from tenants.registry.lookup import Missing, registry


class HostStatus(Enum):
    """Result of resolving a host."""

    OPEN = "open"
    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    MOVED = "moved"


class Resolution(NamedTuple):
    """Who answers at a host and path. A tuple: one is made for every request, and a dataclass takes thrice as long."""

    status: HostStatus
    tenant: TenantInfo | None = None
    prefix: str = ""
    """The part of the path that named the tenant, as `/t/acme`; the application sees it as SCRIPT_NAME."""


UNKNOWN = Resolution(status=HostStatus.UNKNOWN)
PLATFORM_RESOLUTION = Resolution(status=HostStatus.OPEN, tenant=PLATFORM)


def resolve(host: str, path: str) -> Resolution:
    """Return who answers at `path` of `host` (in its normal spelling); asks the database for what is not remembered."""
    key = _lookup_key(host, path)
    if isinstance(key, Resolution):
        return key
    return _answer(registry.get(key.value), host, key.prefix)


def resolve_from_memory(host: str, path: str) -> Resolution | None:
    """Return the same without the database, or None where only that knows: for code that must not wait."""
    key = _lookup_key(host, path)
    if isinstance(key, Resolution):
        return key
    found = registry.get_cached(key.value)
    return None if isinstance(found, Missing) else _answer(found, host, key.prefix)


def valid_until(host: str, path: str, resolution: Resolution) -> float:
    """Return until when (`time.monotonic`) what was found for `path` of `host` may be used without asking again."""
    key = _lookup_key(host, path)
    if isinstance(key, Resolution):
        return inf
    return 0.0 if resolution.tenant is None else registry.valid_until(key.value, resolution.tenant)


@dataclass(frozen=True, slots=True)
class _LookupKey:
    """What the registry has to be asked."""

    value: str
    prefix: str = ""


def _lookup_key(host: str, path: str) -> Resolution | _LookupKey:
    """Return the resolution where host and path alone settle it, else what to ask the registry."""
    config = tenancy()
    if config.path_prefix and is_platform_host(host, config):
        slug, prefix = slug_in_path(path, config)
        return _slug_key(slug, prefix, config) if slug else PLATFORM_RESOLUTION
    return _host_key(host)


@lru_cache(maxsize=1_024)  # bounded: hosts are invented as well
def _host_key(host: str) -> Resolution | _LookupKey:
    """Return the same for a host whose paths name no tenants."""
    config = tenancy()
    if is_platform_host(host, config):
        return PLATFORM_RESOLUTION
    slug = slug_in_host(host, config)
    return _slug_key(slug, "", config) if slug else _LookupKey(f"host:{host}")


def _slug_key(slug: str, prefix: str, config: TenancySettings) -> Resolution | _LookupKey:
    try:
        validate_slug(slug, reserved=config.all_reserved_slugs)
    except InvalidName:
        return UNKNOWN  # it can be nobody's, so nobody is asked
    return _LookupKey(f"slug:{slug}", prefix)


def _answer(tenant: TenantInfo | None, host: str, prefix: str) -> Resolution:
    if tenant is None or not tenant.exists:
        return UNKNOWN
    if tenant.status != "active":
        return Resolution(status=HostStatus.SUSPENDED, tenant=tenant, prefix=prefix)
    at_home = bool(prefix) or host == tenant.host
    return Resolution(status=HostStatus.OPEN if at_home else HostStatus.MOVED, tenant=tenant, prefix=prefix)


def is_platform_host(host: str, config: TenancySettings) -> bool:
    """Tell whether the platform answers at `host`."""
    return host == config.base_domain or host in config.platform_hosts


def slug_in_host(host: str, config: TenancySettings) -> str:
    """Return the slug that a subdomain of the platform names, or an empty string. Deeper subdomains name nobody."""
    label, dot, rest = host.partition(".")
    return label if dot and rest == config.base_domain else ""


def slug_in_path(path: str, config: TenancySettings) -> tuple[str, str]:
    """Return the slug that a path names and the prefix that does it, both empty where it names none."""
    if not config.path_prefix:
        return "", ""
    first, _, rest = path.removeprefix("/").partition("/")
    slug = rest.partition("/")[0]
    return (slug, f"/{first}/{slug}") if slug and first == config.path_prefix else ("", "")


def _reload(*, setting: str, **_: object) -> None:
    if setting == "TENANTS":
        _host_key.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.registry.resolver")
