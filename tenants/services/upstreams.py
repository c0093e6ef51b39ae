"""What this process knows of the services that it calls: their connections, and how each address is.

All of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Collection
from typing import Any, cast

import aiohttp
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict, istr

from tenants.errors import ServiceFailed
from tenants.services.breaker import Breaker
from tenants.services.facts import AddressInfo, ServiceInfo
from tenants.services.ranges import is_allowed
from tenants.services.retries import RetryBudget
from tenants.services.tally import Tally
from tenants.services.time_limits import TimeLimits

MOST_IN_FLIGHT = 1_000
"""Requests that one address has in hand before it gets no more: a service that hangs piles up no further."""
KEPT_OPEN = 15.0
"""Seconds that an idle connection is kept: less than servers keep theirs, so that none is closed under a request."""
UNHEALTHY_AFTER = 2
"""Health checks in a row that fail before an address gets no requests."""


class Address:
    """One address of a service, as this process has come to know it."""

    def __init__(self, info: AddressInfo) -> None:
        self.info = info
        self.breaker = Breaker()
        self.in_flight = 0
        self.sockets = 0
        """WebSockets that are open."""
        self.attempts = 0
        self.failures = 0
        self.failed_checks = 0

    @property
    def is_healthy(self) -> bool:
        return self.failed_checks < UNHEALTHY_AFTER

    @property
    def takes_requests(self) -> bool:
        return self.is_healthy and self.breaker.lets_through() and self.in_flight < MOST_IN_FLIGHT


class _Request(aiohttp.ClientRequest):
    """A request whose headers are complete when the session is given them, Host among them: aiohttp adds none."""

    DEFAULT_HEADERS: dict[istr, str] = {}  # as aiohttp declares it

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Take the headers as they are: the session has copied them, and to do so again, one by one, takes its time."""
        self.headers = cast(CIMultiDict[str], headers)


class Connections:
    """The connections to one service's addresses; none is made to where the service may not be."""

    def __init__(self, service: ServiceInfo) -> None:
        self._ranges = service.private_ranges
        self.in_use = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEPT_OPEN, socket_factory=self._socket, ttl_dns_cache=10
            ),
            # Nothing of one tenant's answer may be remembered for another's request.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            request_class=_Request,
            skip_auto_headers=("User-Agent", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=service.connect_seconds),
        )
        # Else aiohttp sends what is idempotent a second time by itself, past the service's retries and their budget.
        # It has no public name for that; a test sees it if an update takes this one away.
        self.session._retry_connection = False

    def _socket(self, found: Any) -> socket.socket:
        """Make the socket of a connection, whose IP address is settled here and cannot change any more."""
        family, kind, protocol, _, to = found
        if not is_allowed(to[0], self._ranges):
            raise PermissionError(f"{to[0]} is in no private range that the service may be in")
        return socket.socket(family, kind, protocol)

    async def retire(self) -> None:
        """Close them as soon as the last request in hand has ended."""
        self._retired = True
        if not self.in_use:
            await self.session.close()

    def release(self) -> None:
        """One request less uses them."""
        self.in_use -= 1
        if self._retired and not self.in_use:
            self._closing = asyncio.get_running_loop().create_task(self.session.close())


class Upstream:
    """One service."""

    def __init__(self, service: ServiceInfo) -> None:
        self.service = service
        self.budget = RetryBudget()
        self.tally = Tally()
        self.time_limits = TimeLimits()
        self.connections = Connections(service)
        self.addresses = [Address(info) for info in service.addresses]

    async def follow(self, service: ServiceInfo) -> None:
        """Take over what was changed of the service; addresses that stay keep what is known of them."""
        before, self.service = self.service, service
        known = {address.info: address for address in self.addresses}
        self.addresses = [known.get(info) or Address(info) for info in service.addresses]
        if (before.private_ranges, before.connect_seconds) != (service.private_ranges, service.connect_seconds):
            old, self.connections = self.connections, Connections(service)
            await old.retire()

    def choose(self, tried: Collection[Address] = ()) -> Address | None:
        """Return the address with the fewest requests in hand, if possible one that was not tried; None: there is none.

        Among equals chance decides, so that processes do not all take the first.
        """
        if len(self.addresses) == 1:
            return self.addresses[0] if self.addresses[0].takes_requests else None
        able = [address for address in self.addresses if address.takes_requests]
        fresh = [address for address in able if address not in tried]
        return min(fresh or able, key=lambda address: (address.in_flight, random.random()), default=None)  # noqa: S311

    def unavailable(self) -> ServiceFailed:
        """Return the error for when there is no address to choose, with when to ask again."""
        if not self.addresses:
            return ServiceFailed(self.service.name, "has no address in use", 503, 30.0)
        waits = [address.breaker.seconds_left() for address in self.addresses if address.is_healthy]
        reason = "has no address that can be asked at the moment"
        return ServiceFailed(self.service.name, reason, 503, round(max(1.0, min(waits, default=2.0)), 1))


class Upstreams:
    """All services that this process has called."""

    def __init__(self) -> None:
        self.by_name: dict[str, Upstream] = {}

    async def of(self, service: ServiceInfo) -> Upstream:
        """Return the upstream of a service, as it is registered now."""
        upstream = self.by_name.get(service.name)
        if upstream is None:
            upstream = self.by_name[service.name] = Upstream(service)
        elif upstream.service is not service:
            await upstream.follow(service)
        return upstream

    async def keep(self, names: Collection[str]) -> None:
        """Let go of services that are not registered any more."""
        for name in self.by_name.keys() - set(names):
            await self.by_name.pop(name).connections.retire()

    async def close(self) -> None:
        """Close all connections."""
        while self.by_name:
            _, upstream = self.by_name.popitem()
            await upstream.connections.session.close()
