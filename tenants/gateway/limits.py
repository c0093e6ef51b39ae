"""How much of the gateway one tenant may take: its plan's limits, several times: many processes stand behind."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.gateway.refusals import Refused
from tenants.plans import Limits
from tenants.pressure import Kind, pressure
from tenants.turnstile import Place, Queued, Refusal, Turnstile, wait_async

MOST_SOCKETS = 5_000
"""WebSockets that one tenant may have open at one gateway."""


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
    """The turnstile of one gateway."""

    def __init__(self) -> None:
        self._turnstile = Turnstile()

    async def enter(self, tenant: TenantInfo) -> Place:
        """Return a place, which has to be left; or raise `Refused`: 429 for too many, 503 for too many at once."""
        conf = tenancy()
        limits = times(conf.limits_of(tenant), conf.gateway_limits_times, conf.gateway_at_once)
        place = self._turnstile.enter(tenant, limits)
        if isinstance(place, Queued):
            place = await wait_async(place)
        if isinstance(place, Refusal):
            raise _refusal(tenant, place)
        return place


def _refusal(tenant: TenantInfo, refusal: Refusal) -> Refused:
    pressure.add(tenant.id, refusal.kind)
    headers = {"Retry-After": str(refusal.seconds)}
    if refusal.kind is Kind.RATE:
        return Refused(429, f"{tenant.name} gets more requests than it may.", kind="too-many-requests", headers=headers)
    return Refused(
        503, f"{tenant.name} has as many requests in hand as it may.", kind="too-many-at-once", headers=headers
    )
