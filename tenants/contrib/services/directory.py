"""The read side of the services' tables: everything that is registered, as one frozen value per process.

There are few services, so all are kept, and a change of any reads all again. Changes are heard as those of tenants are
(`tenants.registry.listener`). Where the database does not answer, what was read last is believed on: nobody can have
changed it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import Lock
from types import MappingProxyType

from django.db import Error as DatabaseError

from tenants.conf import tenancy
from tenants.context import PLATFORM, use_tenant
from tenants.contrib.services.models import Service
from tenants.contrib.services.types import AddressInfo, ServiceInfo
from tenants.contrib.services.validators import check_range, is_below, lines_of

logger = logging.getLogger(__name__)

TTL_WITHOUT_LISTEN = 1.0
"""How long what was read is believed while changes are not heard."""


class Services:
    """All services at one moment."""

    def __init__(self, services: Iterable[ServiceInfo] = ()) -> None:
        self.by_name: Mapping[str, ServiceInfo] = MappingProxyType({service.name: service for service in services})
        prefixes = [(prefix, service) for service in self.by_name.values() for prefix in service.prefixes]
        # The longest first: the first that fits is the one.
        self._prefixes = sorted(prefixes, key=lambda pair: -len(pair[0]))

    def at(self, path: str) -> tuple[str, ServiceInfo] | None:
        """Return the prefix that fits `path` best and the service it leads to, or None."""
        for pair in self._prefixes:
            if path.startswith(pair[0]) and is_below(path, pair[0]):
                return pair
        return None


class Directory:
    """Keeps `Services` for a process. Safe to use from many threads."""

    def __init__(self) -> None:
        # Guards what follows: requests, the listener and the gateway's loop all come here.
        self._lock = Lock()
        self._services: Services | None = None
        self._believed_until = 0.0
        self.generation = 0
        """Counts the changes heard of: what was read before a change must not be kept after it."""
        self._is_listening = False

    def remembered(self) -> Services | None:
        """Return all services, or None where the database has to be asked. Never asks it."""
        with self._lock:
            return self._services if time.monotonic() < self._believed_until else None

    def services(self) -> Services:
        """Return all services, from memory if possible, else with three queries."""
        return self.remembered() or self._read()

    def _read(self) -> Services:
        generation = self.generation
        try:
            services = Services(_load())
        except DatabaseError as error:
            if self._services is None:
                raise
            logger.warning("The services could not be read; those read last are believed on: %r", error)
            services = self._services
        self._keep(services, generation)
        return services

    def _keep(self, services: Services, generation: int) -> None:
        seconds = tenancy().registry_seconds if self._is_listening else TTL_WITHOUT_LISTEN
        with self._lock:
            self._services = services
            if generation == self.generation:
                self._believed_until = time.monotonic() + seconds

    def last(self) -> Services | None:
        """Return what was read last, however long ago, or None: for when the database does not answer in time."""
        return self._services

    def clear(self) -> None:
        """Ask the database the next time."""
        with self._lock:
            self.generation += 1
            self._believed_until = 0.0

    def on_change(self, change: str) -> None:
        """Ask the database the next time."""
        self.clear()

    def set_listening(self, listening: bool) -> None:
        """Say whether changes are notified from now on, and so how long an answer is cached."""
        self._is_listening = listening
        self.clear()


directory = Directory()


def _load() -> list[ServiceInfo]:
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
        private_ranges=tuple(check_range(line) for line in lines_of(row.private_ranges)),
        addresses=tuple(AddressInfo(address.url) for address in row.addresses.all() if address.is_active),
    )
