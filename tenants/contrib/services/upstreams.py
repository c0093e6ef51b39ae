"""Upstream services of this process: connections, endpoints, statistics, retry budget. Belongs to one event loop."""

from __future__ import annotations

import random
from collections.abc import Collection

from tenants.contrib.services.endpoints import Endpoint
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.http_transport import ConnectionPool
from tenants.contrib.services.retry_budget import RetryBudget
from tenants.contrib.services.stats import RequestStats
from tenants.contrib.services.types import ServiceInfo


class Upstream:
    def __init__(self, service: ServiceInfo) -> None:
        self.service = service
        self.budget = RetryBudget()
        self.stats = RequestStats()
        self.pool = ConnectionPool(service)
        self.endpoints = [Endpoint(info) for info in service.addresses]

    def update(self, service: ServiceInfo) -> None:
        """Adopt a changed registration; endpoints that remain keep their state."""
        before, self.service = self.service, service
        known = {endpoint.info: endpoint for endpoint in self.endpoints}
        self.endpoints = [known.get(info) or Endpoint(info) for info in service.addresses]
        if (before.private_ranges, before.connect_seconds) != (service.private_ranges, service.connect_seconds):
            old, self.pool = self.pool, ConnectionPool(service)
            old.retire()

    def choose(self, tenant: int, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        """Return the endpoint with the fewest requests in flight, preferring untried ones; None if none accepts.

        `tenant` is the id of the tenant. Ties are broken at random, so that processes do not all take the first.
        """
        if len(self.endpoints) == 1:
            return self.endpoints[0] if self.endpoints[0].accepts(tenant) else None
        able = [endpoint for endpoint in self.endpoints if endpoint.accepts(tenant)]
        fresh = [endpoint for endpoint in able if endpoint not in tried]
        return min(fresh or able, key=lambda endpoint: (endpoint.in_flight, random.random()), default=None)  # noqa: S311

    def unavailable(self, tenant: int) -> ServiceFailed:
        """Return the error for a tenant whose requests no endpoint accepts, with the time to retry."""
        if not self.endpoints:
            return ServiceFailed(self.service.name, "has no active address", 503, 30.0)
        waits = [endpoint.retry_after(tenant) for endpoint in self.endpoints if endpoint.is_healthy]
        reason = "has no available address"
        return ServiceFailed(self.service.name, reason, 503, round(max(1.0, min(waits, default=2.0)), 1))


class Upstreams:
    """All upstream services, by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Upstream] = {}

    def get(self, service: ServiceInfo) -> Upstream:
        """Return the upstream of a service, updated to its current registration."""
        upstream = self.by_name.get(service.name)
        if upstream is None:
            upstream = self.by_name[service.name] = Upstream(service)
        elif upstream.service is not service:
            upstream.update(service)
        return upstream

    def retain(self, names: Collection[str]) -> None:
        """Drop services that are no longer registered."""
        for name in self.by_name.keys() - set(names):
            self.by_name.pop(name).pool.retire()

    async def close(self) -> None:
        while self.by_name:
            _, upstream = self.by_name.popitem()
            await upstream.pool.session.close()
