"""Registered services as frozen values, which `tenants.contrib.services.registry` makes from rows."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.context import TenantInfo
from tenants.contrib.services.validators import IPNetwork


@dataclass(frozen=True, slots=True)
class AddressInfo:
    url: str
    """Scheme, host and port, without a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceInfo:
    """A registered service. Times are in seconds, sizes in bytes."""

    name: str
    prefixes: tuple[str, ...] = ()
    strip_prefix: bool = False
    runs_sangga: bool = False
    every_tenant: bool = False
    at_platform: bool = False
    tenants: frozenset[int] = frozenset()
    scopes: frozenset[str] = frozenset()
    connect_seconds: float = 2.0
    attempt_seconds: float = 10.0
    total_seconds: float = 30.0
    idle_seconds: float = 60.0
    retries: int = 2
    max_body: int = 100 * 1024 * 1024
    health_path: str = ""
    private_ranges: tuple[IPNetwork, ...] = ()
    addresses: tuple[AddressInfo, ...] = ()

    def is_granted_to(self, tenant: TenantInfo) -> bool:
        """Tell whether a tenant, or the platform, may use this service."""
        if tenant.is_platform:
            return self.at_platform
        return self.every_tenant or tenant.id in self.tenants
