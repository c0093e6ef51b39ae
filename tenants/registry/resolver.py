"""Resolver from `(host, path)` to a tenant, without a request: middleware, gateway and tests call it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import inf
from typing import NamedTuple

from tenants.conf import TenancySettings, tenancy
from tenants.context import PLATFORM, TenantInfo
from tenants.errors import InvalidName
from tenants.names import validate_slug
from tenants.registry.lookup import NotCached, registry
from tenants.settings_cache import on_setting_change


class HostStatus(Enum):
    """Result of resolving a host."""

    OPEN = "open"
    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    MOVED = "moved"


class Resolution(NamedTuple):
    """The tenant at a host and path. A tuple, since a dataclass takes three times as long to make."""

    status: HostStatus
    tenant: TenantInfo | None = None
    prefix: str = ""
    """The part of the path that names the tenant, such as `/t/acme`: the application's SCRIPT_NAME."""


UNKNOWN = Resolution(status=HostStatus.UNKNOWN)
PLATFORM_RESOLUTION = Resolution(status=HostStatus.OPEN, tenant=PLATFORM)


def resolve(host: str, path: str) -> Resolution:
    """Return the tenant at `path` of `host` (in its normal spelling); queries the database if it is not cached."""
    key = _lookup_key(host, path)
    if isinstance(key, Resolution):
        return key
    return _answer(registry.get(key.value), host, key.prefix)


def resolve_from_memory(host: str, path: str) -> Resolution | None:
    """Return the tenant at `path` of `host` if it is cached, else None: for code that must not block."""
    key = _lookup_key(host, path)
    if isinstance(key, Resolution):
        return key
    found = registry.get_cached(key.value)
    return None if isinstance(found, NotCached) else _answer(found, host, key.prefix)


def valid_until(host: str, path: str, resolution: Resolution) -> float:
    """Return when a resolution of `path` of `host` expires (`time.monotonic`)."""
    key = _lookup_key(host, path)
    if isinstance(key, Resolution):
        return inf
    return 0.0 if resolution.tenant is None else registry.valid_until(key.value, resolution.tenant)


@dataclass(frozen=True, slots=True)
class _LookupKey:
    """Key of a registry lookup."""

    value: str
    prefix: str = ""


def _lookup_key(host: str, path: str) -> Resolution | _LookupKey:
    """Return the resolution if host and path determine it, else the key to look up."""
    config = tenancy()
    if config.path_prefix and is_platform_host(host, config):
        slug, prefix = slug_in_path(path, config)
        return _slug_key(slug, prefix, config) if slug else PLATFORM_RESOLUTION
    return _host_key(host)


@lru_cache(maxsize=1_024)  # bounded: hosts can be invented
def _host_key(host: str) -> Resolution | _LookupKey:
    """Return the resolution or lookup key of a host whose paths do not name tenants."""
    config = tenancy()
    if is_platform_host(host, config):
        return PLATFORM_RESOLUTION
    slug = slug_in_host(host, config)
    return _slug_key(slug, "", config) if slug else _LookupKey(f"host:{host}")


def _slug_key(slug: str, prefix: str, config: TenancySettings) -> Resolution | _LookupKey:
    try:
        validate_slug(slug, reserved=config.all_reserved_slugs)
    except InvalidName:
        return UNKNOWN  # no tenant can have it
    return _LookupKey(f"slug:{slug}", prefix)


def _answer(tenant: TenantInfo | None, host: str, prefix: str) -> Resolution:
    if tenant is None or not tenant.exists:
        return UNKNOWN
    if tenant.status != "active":
        return Resolution(status=HostStatus.SUSPENDED, tenant=tenant, prefix=prefix)
    at_home = bool(prefix) or host == tenant.host
    return Resolution(status=HostStatus.OPEN if at_home else HostStatus.MOVED, tenant=tenant, prefix=prefix)


def is_platform_host(host: str, config: TenancySettings) -> bool:
    return host == config.base_domain or host in config.platform_hosts


def slug_in_host(host: str, config: TenancySettings) -> str:
    """Return the slug in a direct subdomain of the platform, or an empty string."""
    label, dot, rest = host.partition(".")
    return label if dot and rest == config.base_domain else ""


def slug_in_path(path: str, config: TenancySettings) -> tuple[str, str]:
    """Return the slug in a path and the prefix that names it, or two empty strings."""
    if not config.path_prefix:
        return "", ""
    first, _, rest = path.removeprefix("/").partition("/")
    slug = rest.partition("/")[0]
    return (slug, f"/{first}/{slug}") if slug and first == config.path_prefix else ("", "")


on_setting_change(_host_key.cache_clear, "TENANTS")
