"""Receiving request bodies before anything is done with them: with a deadline, a largest size, and so many at once.

A body is received before the request has a slot among its tenant's, so that a slow one closes no page of its shop.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from tenants.conf import tenancy
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.limiter import ProcessLimit, Rejection, Slot, TenantLimiter, limiter
from tenants.contrib.limits.lockouts import Attempt, lockouts
from tenants.errors import InvalidHost
from tenants.hosts import host_of_header
from tenants.limits import Limits

LARGEST = 264 * 1024 * 1024
"""Bytes of one body: an import's 256 MiB, and what a form has around a file."""
SLOWEST = 32 * 1024
"""Bytes a second that give a body more time than `TENANTS["BODY_SECONDS"]`."""
KEPT_IN_MEMORY = 1024 * 1024
"""Bytes of one body in memory; more goes to a temporary file."""
MOST_ABANDONED = 8
"""Bodies of one address that came too late and whose connections the client keeps open (WSGI)."""

REJECTION = "tenants.body_refusal"
"""The key in `request.META` of why a body was not received."""

_receiving = TenantLimiter()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a body, and to which host."""

    address: str | None
    host: str
    path: str


def slots_for(sender: Sender, times: int = 1) -> ExitStack | Rejection:
    """Return what holds the slots of one body while it is received, or why it is not received.

    `times`: how many times the setting a server may receive at once that needs no thread for it.
    """
    host, rejection = _look_ahead(sender)
    if rejection is not None:
        return rejection
    most = limit_settings().most_bodies * times
    if not most:
        return ExitStack()
    bounds: list[tuple[object, int]] = [(("host", host), max(1, most * 2 // 3)), ("all", most)]
    if sender.address is not None:
        bounds.insert(0, (("address", sender.address), max(1, most // 3)))
    with ExitStack() as slots:
        for key, number in bounds:
            slot = _receiving.acquire_as(key, Limits(concurrency=number))
            if not isinstance(slot, Slot):
                return Rejection(ProcessLimit.BODIES, 2)
            slots.callback(slot.release)
        return slots.pop_all()


def _look_ahead(sender: Sender) -> tuple[str, Rejection | None]:
    """Return the host, and why its request would be refused with its body as well.

    The host is empty where no tenant is known to have it: hosts can be invented.
    """
    # It imports models, and this module is imported before django.setup().
    from tenants.registry.resolver import UNKNOWN, resolve_from_memory

    try:
        host = host_of_header(sender.host)
    except InvalidHost:
        return "", None
    resolution = resolve_from_memory(host, sender.path)
    if resolution is None or resolution == UNKNOWN or resolution.tenant is None:
        return "", None
    tenant = resolution.tenant
    if sender.address is not None:
        attempt = Attempt(tenant.id, tenant.epoch, sender.address, sender.path)
        if seconds := lockouts.retry_after(attempt):
            return host, Rejection(ProcessLimit.LOCKED_OUT, seconds)
    return host, limiter.rejection_now(tenant.id, tenancy().limits_of(tenant))


def deadline_after(received: int) -> float:
    """Return how many seconds after its beginning a body of which so much has come has to be complete."""
    return limit_settings().body_seconds + received / SLOWEST


TOO_SLOW = Rejection(ProcessLimit.TOO_SLOW, 1)
TOO_LARGE = Rejection(ProcessLimit.TOO_LARGE, 0)
