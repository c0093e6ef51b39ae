"""One address of a service, as a process has come to know it: what it has in hand, and whether it is left alone.

An address that cannot be reached, hangs up or talks nonsense is left alone by everybody. One that keeps a tenant
waiting need not be at fault: what that tenant asks for may take too long. So each has a circuit breaker of its own for
that, and once it is open, what the tenant waits for in vain counts no more towards the one of all.
"""

from __future__ import annotations

import aiohttp

from tenants.contrib.services.circuit_breaker import Breaker, State
from tenants.contrib.services.types import AddressInfo

MOST_IN_FLIGHT = 1_000
"""Requests that one address has in hand before it gets no more: a service that hangs piles up no further."""
UNHEALTHY_AFTER = 2
"""Health checks in a row that fail before an address gets no requests."""
MOST_KEPT_WAITING = 1_000
"""Tenants with a breaker of their own; when there are more, all of them begin anew."""


class Address:
    """Belongs to one event loop."""

    def __init__(self, info: AddressInfo) -> None:
        self.info = info
        self.breaker = Breaker()
        """Of all tenants."""
        self.kept_waiting: dict[int, Breaker] = {}
        """By their ids, those of the tenants that it has kept waiting of late."""
        self.in_flight = 0
        self.sockets = 0
        """WebSockets that are open."""
        self.attempts = 0
        self.failures = 0
        self.failed_checks = 0

    @property
    def is_healthy(self) -> bool:
        return self.failed_checks < UNHEALTHY_AFTER

    def takes_requests_of(self, tenant: int) -> bool:
        """Tell whether it can be asked now in the name of the tenant with this id."""
        if not self.is_healthy or self.in_flight >= MOST_IN_FLIGHT or not self.breaker.lets_through():
            return False
        own = self.kept_waiting.get(tenant)
        return own is None or own.lets_through()

    def seconds_left(self, tenant: int) -> float:
        """Return how long it is left alone yet by a tenant."""
        own = self.kept_waiting.get(tenant)
        return max(self.breaker.seconds_left(), own.seconds_left() if own else 0.0)

    def left_alone_by(self) -> list[int]:
        """Return the ids of the tenants by whom alone it is left alone."""
        return [tenant for tenant, own in self.kept_waiting.items() if own.state is not State.CLOSED]

    def begin(self, tenant: int) -> None:
        """A request goes to it."""
        self.attempts += 1
        self.breaker.begin()
        if own := self.kept_waiting.get(tenant):
            own.begin()

    def succeeded(self, tenant: int) -> None:
        """It answered."""
        self.breaker.succeeded()
        if own := self.kept_waiting.get(tenant):
            own.succeeded()
            if own.is_at_rest:
                del self.kept_waiting[tenant]

    def failed(self, tenant: int, error: Exception) -> None:
        """It gave no answer, as `error` says."""
        self.failures += 1
        # What cannot even be connected to in time keeps nobody waiting by what it is asked for.
        if not isinstance(error, TimeoutError) or isinstance(error, aiohttp.ConnectionTimeoutError):
            self._own_gave_up(tenant)
            self.breaker.failed()
            return
        own = self._breaker_of(tenant)
        own.failed()
        if own.state is State.CLOSED:
            self.breaker.failed()
        else:
            self.breaker.gave_up()

    def gave_up(self, tenant: int) -> None:
        """The request was called off: nobody knows how it stands."""
        self._own_gave_up(tenant)
        self.breaker.gave_up()

    def _own_gave_up(self, tenant: int) -> None:
        if own := self.kept_waiting.get(tenant):
            own.gave_up()

    def _breaker_of(self, tenant: int) -> Breaker:
        if tenant not in self.kept_waiting:
            if len(self.kept_waiting) >= MOST_KEPT_WAITING:
                self.kept_waiting.clear()
            self.kept_waiting[tenant] = Breaker()
        return self.kept_waiting[tenant]
