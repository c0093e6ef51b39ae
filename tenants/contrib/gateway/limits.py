"""How much of the gateway one tenant may take: its plan's limits, several times: many processes stand behind."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.gateway.errors import Refused
from tenants.contrib.limits.counters import Kind, pressure
from tenants.contrib.limits.limiter import Place, Queued, Refusal, Turnstile, wait_async
from tenants.limits import Limits

MOST_BODIES = 32
"""Bodies that one client address sends at once through one gateway; those for one tenant are twice as many."""


@lru_cache(maxsize=1_000)
def times(limits: Limits, factor: int, at_once: int = 0) -> Limits:
    """Return the limits of a gateway for a tenant that has these in each process behind it; `at_once` is the most."""
    concurrency = limits.concurrency * factor
    return replace(
        limits,
        concurrency=min(concurrency, at_once) if at_once else concurrency,
        queue=limits.queue * factor,
        rate=limits.rate * factor,
        burst=limits.burst * factor,
    )


class GatewayLimits:
    """The turnstiles of one gateway."""

    def __init__(self) -> None:
        self._tenants = Turnstile()
        self._bodies = Turnstile()

    def entry_of(self, tenant: TenantInfo, address: str) -> Entry:
        """Return what lets one request in when its body is there."""
        return Entry(self._tenants, self._bodies, tenant, address)


class Entry:
    """Lets one request in among its tenant's, once, and holds a slot for its body before that."""

    def __init__(self, tenants: Turnstile, bodies: Turnstile, tenant: TenantInfo, address: str) -> None:
        self._tenants, self._bodies = tenants, bodies
        self._tenant, self._address = tenant, address
        self._places: list[Place] = []
        self._has_entered = False

    def receive_body(self) -> None:
        """Take a slot for a body that comes over a while, or raise `Refused`."""
        for key, most in ((("address", self._address), MOST_BODIES), (("tenant", self._tenant.id), 2 * MOST_BODIES)):
            place = self._bodies.enter_as(key, Limits(concurrency=most))
            if not isinstance(place, Place):
                raise Refused(
                    503, f"{self._tenant.name} gets as many bodies at once as it may.", kind="too-many-uploads",
                    headers={"Retry-After": "2"}, hang_up=True,
                )  # fmt: skip
            self._places.append(place)

    async def enter(self) -> None:
        """Give the body's slot back and take the tenant's place, or raise `Refused`: 429 or 503.

        A body is received before, so that a slow one closes nothing to others of its shop.
        """
        if self._has_entered:
            return
        self.leave()
        conf = tenancy()
        limits = times(conf.limits_of(self._tenant), conf.gateway_limits_times, conf.gateway_at_once)
        place = self._tenants.enter(self._tenant, limits)
        if isinstance(place, Queued):
            place = await wait_async(place)
        if isinstance(place, Refusal):
            raise _refusal(self._tenant, place)
        self._places.append(place)
        self._has_entered = True

    def leave(self) -> None:
        """Give back what was taken."""
        while self._places:
            self._places.pop().leave()


def _refusal(tenant: TenantInfo, refusal: Refusal) -> Refused:
    if isinstance(refusal.kind, Kind) and not tenant.is_platform:
        pressure.add(tenant.id, refusal.kind)
    headers = {"Retry-After": str(refusal.seconds)}
    if refusal.kind is Kind.RATE:
        return Refused(429, f"{tenant.name} gets more requests than it may.", kind="too-many-requests", headers=headers)
    return Refused(
        503, f"{tenant.name} has as many requests in hand as it may.", kind="too-many-at-once", headers=headers
    )
