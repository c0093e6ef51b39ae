"""Service registry: all registered services, cached in this process.

There are few services, so all are cached, and any change reloads them. Changes are notified as those of tenants
(`tenants.registry.listener`). If the database does not answer, the last known services stay in use.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from threading import Lock
from types import MappingProxyType

from django.db import Error as DatabaseError

from tenants.conf import tenancy
from tenants.context import PLATFORM, use_tenant
from tenants.contrib.services.models import Service
from tenants.contrib.services.types import AddressInfo, ServiceInfo
from tenants.contrib.services.validators import is_below, lines_of

logger = logging.getLogger(__name__)

TTL_WITHOUT_LISTEN = 1.0
"""Seconds that services are cached while no changes are notified."""


class RegisteredServices:
    """All services at one moment."""

    def __init__(self, services: Iterable[ServiceInfo] = ()) -> None:
        self.by_name: Mapping[str, ServiceInfo] = MappingProxyType({service.name: service for service in services})
        prefixes = [(prefix, service) for service in self.by_name.values() for prefix in service.prefixes]
        # The longest first, so that the first match is the best one.
        self._prefixes = sorted(prefixes, key=lambda pair: -len(pair[0]))

    def match(self, path: str) -> tuple[str, ServiceInfo] | None:
        """Return the longest prefix that matches `path`, with its service; None without a match."""
        for pair in self._prefixes:
            if path.startswith(pair[0]) and is_below(path, pair[0]):
                return pair
        return None


class ServiceRegistry:
    """Caches the registered services of a process. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards what follows, which requests, the listener and the gateway's loop use.
        self._lock = Lock()
        self._services: RegisteredServices | None = None
        self._valid_until = 0.0
        self.generation = 0
        """Counts changes: services that were read before a change are not cached after it."""
        self._is_listening = False

    def get_cached(self) -> RegisteredServices | None:
        """Return all services; None where the database has to be queried."""
        with self._lock:
            return self._services if time.monotonic() < self._valid_until else None

    def get_stale(self) -> RegisteredServices | None:
        """Return the last known services, however old, or None."""
        return self._services

    def get(self) -> RegisteredServices:
        """Return all services, from the cache or by three queries."""
        return self.get_cached() or self._load()

    def _load(self) -> RegisteredServices:
        generation = self.generation
        try:
            services = RegisteredServices(_load_services())
        except DatabaseError as error:
            if self._services is None:
                raise
            logger.warning("Services could not be read; the last known ones stay in use: %r", error)
            services = self._services
        self._store(services, generation)
        return services

    def _store(self, services: RegisteredServices, generation: int) -> None:
        seconds = tenancy().registry_seconds if self._is_listening else TTL_WITHOUT_LISTEN
        with self._lock:
            self._services = services
            if generation == self.generation:
                self._valid_until = time.monotonic() + seconds

    def invalidate(self) -> None:
        with self._lock:
            self.generation += 1
            self._valid_until = 0.0

    def on_change(self, change: str) -> None:
        self.invalidate()

    def set_listening(self, listening: bool) -> None:
        """Set whether changes are notified from now on, and so how long services are cached."""
        self._is_listening = listening
        self.invalidate()


service_registry = ServiceRegistry()


def _load_services() -> list[ServiceInfo]:
    with use_tenant(PLATFORM):
        tenants: dict[int, set[int]] = defaultdict(set)
        for service, tenant in Service.tenants.through._default_manager.values_list("service_id", "tenant_id"):
            tenants[service].add(tenant)
        rows = Service.objects.filter(is_active=True).prefetch_related("addresses")
        return [_info_of(row, frozenset(tenants[row.pk])) for row in rows]


def _info_of(row: Service, tenants: frozenset[int]) -> ServiceInfo:
    return ServiceInfo(
        name=row.name,
        prefixes=tuple(lines_of(row.prefixes)),
        strip_prefix=row.strip_prefix,
        runs_sangga=row.runs_sangga,
        every_tenant=row.every_tenant,
        at_platform=row.at_platform,
        tenants=tenants,
        scopes=frozenset(row.scopes.split()),
        connect_seconds=row.connect_seconds,
        attempt_seconds=row.attempt_seconds,
        total_seconds=row.total_seconds,
        idle_seconds=row.idle_seconds,
        retries=row.retries,
        max_body=row.max_body_mib * 1024 * 1024,
        health_path=row.health_path,
        private_ranges=tuple(ip_network(line) for line in lines_of(row.private_ranges)),
        addresses=tuple(AddressInfo(address.url) for address in row.addresses.all() if address.is_active),
    )
