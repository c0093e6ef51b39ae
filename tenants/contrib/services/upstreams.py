"""What this process knows of the services that it calls: their connections, and how each address is.

All of it belongs to one event loop.
"""

from __future__ import annotations

import random
from collections.abc import Collection

from tenants.contrib.services.endpoints import Address
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.http_transport import Connections
from tenants.contrib.services.retry_budget import RetryBudget
from tenants.contrib.services.stats import Tally
from tenants.contrib.services.types import ServiceInfo


class Upstream:
    """One service."""

    def __init__(self, service: ServiceInfo) -> None:
        self.service = service
        self.budget = RetryBudget()
        self.tally = Tally()
        self.connections = Connections(service)
        self.addresses = [Address(info) for info in service.addresses]

    def follow(self, service: ServiceInfo) -> None:
        """Take over what was changed of the service; addresses that stay keep what is known of them."""
        before, self.service = self.service, service
        known = {address.info: address for address in self.addresses}
        self.addresses = [known.get(info) or Address(info) for info in service.addresses]
        if (before.private_ranges, before.connect_seconds) != (service.private_ranges, service.connect_seconds):
            old, self.connections = self.connections, Connections(service)
            old.retire()

    def choose(self, tenant: int, tried: Collection[Address] = ()) -> Address | None:
        """Return the address with the fewest requests in hand, if possible one that was not tried; None: there is none.

        `tenant` is the id of whose request it is. Among equals chance decides, so that processes do not all take the
        first.
        """
        if len(self.addresses) == 1:
            return self.addresses[0] if self.addresses[0].takes_requests_of(tenant) else None
        able = [address for address in self.addresses if address.takes_requests_of(tenant)]
        fresh = [address for address in able if address not in tried]
        return min(fresh or able, key=lambda address: (address.in_flight, random.random()), default=None)  # noqa: S311

    def unavailable(self, tenant: int) -> ServiceFailed:
        """Return the error for when a tenant has no address to choose, with when to ask again."""
        if not self.addresses:
            return ServiceFailed(self.service.name, "has no address in use", 503, 30.0)
        waits = [address.seconds_left(tenant) for address in self.addresses if address.is_healthy]
        reason = "has no address that can be asked at the moment"
        return ServiceFailed(self.service.name, reason, 503, round(max(1.0, min(waits, default=2.0)), 1))


class Upstreams:
    """All services that this process has called."""

    def __init__(self) -> None:
        self.by_name: dict[str, Upstream] = {}

    def of(self, service: ServiceInfo) -> Upstream:
        """Return the upstream of a service, as it is registered now."""
        upstream = self.by_name.get(service.name)
        if upstream is None:
            upstream = self.by_name[service.name] = Upstream(service)
        elif upstream.service is not service:
            upstream.follow(service)
        return upstream

    def keep(self, names: Collection[str]) -> None:
        """Let go of services that are not registered any more."""
        for name in self.by_name.keys() - set(names):
            self.by_name.pop(name).connections.retire()

    async def close(self) -> None:
        """Close all connections."""
        while self.by_name:
            _, upstream = self.by_name.popitem()
            await upstream.connections.session.close()
