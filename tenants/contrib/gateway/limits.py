"""How much of the gateway one tenant may take: its plan's limits, several times: many processes stand behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import lru_cache
from math import ceil

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.gateway.conf import gateway_settings
from tenants.contrib.gateway.errors import Refused
from tenants.contrib.limits.counters import Kind, pressure
from tenants.contrib.limits.limiter import Place, Queued, Refusal, Turnstile, wait_async
from tenants.limits import Limits

MOST_BODIES = 32
"""Bodies that one client address sends at once through one gateway; those for one tenant are twice as many."""
BETWEEN_REFUSALS = 0.001
"""Seconds from one refusal to the next of a burst."""
_TOGETHER = 0.005
LONGEST_WAIT = 0.5
"""Seconds after which a refusal is sent in any case: waiting ones keep connections open."""


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

    def check(self, tenant: TenantInfo) -> None:
        """Raise `Refused` where `tenant` lets no more in: before tokens are looked up, and the body is received."""
        refusal = self._tenants.refusal_now(tenant.id, _limits_of(tenant))
        if refusal is not None:
            raise _refusal(tenant, refusal)

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
        place = self._tenants.enter(self._tenant, _limits_of(self._tenant))
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


class SpreadRefusals:
    """Sends refusals one after the other, and not all of a burst at once. Belongs to one event loop.

    A request of another tenant so waits for one of them. Clients that come again after some time come spread, too.
    """

    def __init__(self) -> None:
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the turn of one refusal; not at all where too many wait already."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        if at - now < LONGEST_WAIT:
            self._next = at + BETWEEN_REFUSALS
            if at > now:  # with a few others: waking the event loop for each costs more than the refusal
                await asyncio.sleep(ceil(at / _TOGETHER) * _TOGETHER - now)


def _limits_of(tenant: TenantInfo) -> Limits:
    conf = gateway_settings()
    return times(tenancy().limits_of(tenant), conf.gateway_limits_times, conf.gateway_at_once)


def _refusal(tenant: TenantInfo, refusal: Refusal) -> Refused:
    if isinstance(refusal.kind, Kind) and not tenant.is_platform:
        pressure.add(tenant.id, refusal.kind)
    headers = {"Retry-After": str(refusal.seconds)}
    if refusal.kind is Kind.RATE:
        return Refused(
            429, f"{tenant.name} gets more requests than it may.", kind="too-many-requests", headers=headers,
            is_spread=True,
        )  # fmt: skip
    return Refused(
        503, f"{tenant.name} has as many requests in hand as it may.", kind="too-many-at-once", headers=headers,
        is_spread=True,
    )  # fmt: skip
