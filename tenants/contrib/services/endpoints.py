"""State of one address of a service in this process: health, requests in flight and circuit breakers.

A connection error opens the breaker for all tenants. A timeout may be caused by what one tenant asks for, so it first
counts in a breaker for that tenant alone. Once that one is open, the tenant's timeouts no longer count for all.
"""

from __future__ import annotations

import aiohttp

from tenants.contrib.services.circuit_breaker import BreakerState, CircuitBreaker
from tenants.contrib.services.types import AddressInfo

MAX_IN_FLIGHT = 1_000
"""Requests that one address serves at once; more do not pile up at a service that hangs."""
UNHEALTHY_AFTER = 2
"""Consecutive failed health checks after which an address gets no requests."""
MAX_TENANT_BREAKERS = 1_000
"""Tenants with a breaker; when there are more, all of these breakers are dropped."""


class Endpoint:
    """Belongs to one event loop."""

    def __init__(self, info: AddressInfo) -> None:
        self.info = info
        self.breaker = CircuitBreaker()
        """For all tenants."""
        self.tenant_breakers: dict[int, CircuitBreaker] = {}
        """By tenant id, for tenants with recent timeouts."""
        self.in_flight = 0
        self.sockets = 0
        """Open WebSockets."""
        self.attempts = 0
        self.failures = 0
        self.failed_checks = 0

    @property
    def is_healthy(self) -> bool:
        return self.failed_checks < UNHEALTHY_AFTER

    def accepts(self, tenant: int) -> bool:
        """Tell whether a request of the tenant with this id may be sent now."""
        if not self.is_healthy or self.in_flight >= MAX_IN_FLIGHT or not self.breaker.allows_request():
            return False
        own = self.tenant_breakers.get(tenant)
        return own is None or own.allows_request()

    def retry_after(self, tenant: int) -> float:
        """Return the seconds until a breaker lets the tenant's next request through."""
        own = self.tenant_breakers.get(tenant)
        return max(self.breaker.retry_after(), own.retry_after() if own else 0.0)

    def blocked_tenants(self) -> list[int]:
        """Return the ids of the tenants whose own breaker is not closed."""
        return [tenant for tenant, own in self.tenant_breakers.items() if own.state is not BreakerState.CLOSED]

    def start_request(self, tenant: int) -> None:
        self.attempts += 1
        self.breaker.start_request()
        if own := self.tenant_breakers.get(tenant):
            own.start_request()

    def record_success(self, tenant: int) -> None:
        self.breaker.record_success()
        if own := self.tenant_breakers.get(tenant):
            own.record_success()
            if own.is_idle:
                del self.tenant_breakers[tenant]

    def record_failure(self, tenant: int, error: Exception) -> None:
        self.failures += 1
        # What the tenant requests cannot delay the connection itself.
        if not isinstance(error, TimeoutError) or isinstance(error, aiohttp.ConnectionTimeoutError):
            self._record_cancelled_of(tenant)
            self.breaker.record_failure()
            return
        own = self._breaker_of(tenant)
        own.record_failure()
        if own.state is BreakerState.CLOSED:
            self.breaker.record_failure()
        else:
            self.breaker.record_cancelled()

    def record_cancelled(self, tenant: int) -> None:
        self._record_cancelled_of(tenant)
        self.breaker.record_cancelled()

    def _record_cancelled_of(self, tenant: int) -> None:
        if own := self.tenant_breakers.get(tenant):
            own.record_cancelled()

    def _breaker_of(self, tenant: int) -> CircuitBreaker:
        if tenant not in self.tenant_breakers:
            if len(self.tenant_breakers) >= MAX_TENANT_BREAKERS:
                self.tenant_breakers.clear()
            self.tenant_breakers[tenant] = CircuitBreaker()
        return self.tenant_breakers[tenant]
