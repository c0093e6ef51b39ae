"""Limits of one tenant at the gateway: its plan's limits, multiplied, since many processes are behind it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import lru_cache
from math import ceil

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.gateway.conf import gateway_settings
from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.limits.counters import LimitKind, limit_counters
from tenants.contrib.limits.limiter import Rejection, RequestLimiter, Slot, Waiter
from tenants.contrib.limits.waiting import wait_async
from tenants.limits import Limits

MAX_UPLOADS = 32
"""Request bodies that one client address may send at once; twice as many for one tenant."""

REJECTION_INTERVAL = 0.001
"""Seconds between two rejections of a burst."""
MAX_REJECTION_DELAY = 0.5
"""Seconds that a rejection is delayed at most, since it keeps its connection open."""
_WAKE_INTERVAL = 0.005
"""Several rejections wake at once: waking the event loop for each costs more than the rejection."""


@lru_cache(maxsize=1_000)
def multiply(limits: Limits, factor: int, max_concurrency: int = 0) -> Limits:
    """Return the limits of a tenant at the gateway, from those in each process behind it."""
    concurrency = limits.concurrency * factor
    return replace(
        limits,
        concurrency=min(concurrency, max_concurrency) if max_concurrency else concurrency,
        queue=limits.queue * factor,
        rate=limits.rate * factor,
        burst=limits.burst * factor,
    )


class GatewayLimits:
    def __init__(self) -> None:
        self._requests = RequestLimiter()
        self._uploads = RequestLimiter()

    def check(self, tenant: TenantInfo) -> None:
        """Raise `GatewayError` at a tenant's limit: before its token is verified and its body received."""
        rejection = self._requests.rejection_now(tenant.id, _limits_of(tenant))
        if rejection is not None:
            raise _rejected(tenant, rejection)

    def admission(self, tenant: TenantInfo, address: str) -> Admission:
        """Return the admission of one request, without any slot."""
        return Admission(self._requests, self._uploads, tenant, address)


class Admission:
    """Admits one request: holds upload slots while its body is received, then a slot of its tenant.

    A slow body thus takes no slot from other requests of its tenant.
    """

    def __init__(self, requests: RequestLimiter, uploads: RequestLimiter, tenant: TenantInfo, address: str) -> None:
        self._requests, self._uploads = requests, uploads
        self._tenant, self._address = tenant, address
        self._slot: Slot | None = None
        self._is_acquired = False

    def acquire_upload(self) -> None:
        """Take upload slots, or raise `GatewayError`."""
        slot = self._uploads.acquire_all(
            {
                ("address", self._address): MAX_UPLOADS,
                ("tenant", self._tenant.id): 2 * MAX_UPLOADS,
            }
        )
        if not isinstance(slot, Slot):
            raise GatewayError(
                503, f"{self._tenant.name} has too many uploads in progress.", kind="too-many-uploads",
                headers={"Retry-After": "2"}, close_connection=True,
            )  # fmt: skip
        self._slot = slot

    async def acquire(self) -> None:
        """Exchange upload slots for a slot of the tenant, or raise `GatewayError` (429, 503). Idempotent."""
        if self._is_acquired:
            return
        self.release()
        slot = self._requests.acquire(self._tenant, _limits_of(self._tenant))
        if isinstance(slot, Waiter):
            slot = await wait_async(slot)
        if isinstance(slot, Rejection):
            raise _rejected(self._tenant, slot)
        self._slot = slot
        self._is_acquired = True

    def release(self) -> None:
        if self._slot is not None:
            self._slot.release()


class RejectionPacer:
    """Delays rejections of a burst, so that requests of other tenants are served between them.

    Clients that retry after a fixed time are spread as well. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for the turn of one rejection; not at all behind too many others."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        if at - now < MAX_REJECTION_DELAY:
            self._next = at + REJECTION_INTERVAL
            if at > now:
                await asyncio.sleep(ceil(at / _WAKE_INTERVAL) * _WAKE_INTERVAL - now)


def _limits_of(tenant: TenantInfo) -> Limits:
    conf = gateway_settings()
    return multiply(tenancy().limits_of(tenant), conf.gateway_limits_factor, conf.gateway_concurrency)


def _rejected(tenant: TenantInfo, rejection: Rejection) -> GatewayError:
    if isinstance(rejection.kind, LimitKind) and not tenant.is_platform:
        limit_counters.add(tenant.id, rejection.kind)
    headers = {"Retry-After": str(rejection.seconds)}
    if rejection.kind is LimitKind.RATE:
        detail = f"{tenant.name} exceeds its request rate."
        return GatewayError(429, detail, kind="too-many-requests", headers=headers, is_paced=True)
    detail = f"{tenant.name} has too many requests in progress."
    return GatewayError(503, detail, kind="too-many-at-once", headers=headers, is_paced=True)
