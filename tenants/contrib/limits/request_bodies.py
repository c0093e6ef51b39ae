"""Receiving request bodies before the request is handled, with a deadline and limits on size and concurrency.

A body is received before its request takes one of the tenant's slots, so that slow bodies block no page of the shop.
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
"""Maximum size of a body in bytes: an import of 256 MiB, and the form around it."""
SLOWEST = 32 * 1024
"""A body has a second more than `TENANTS["BODY_SECONDS"]` for each so many bytes received."""
KEPT_IN_MEMORY = 1024 * 1024
"""Bytes of a body that are kept in memory; the rest goes to a temporary file."""
MOST_ABANDONED = 8
"""Bodies of one address that missed the deadline while the client keeps the connection open (WSGI)."""

REJECTION = "tenants.body_refusal"
"""Key in `request.META` for the reason why a body was refused."""

_receiving = TenantLimiter()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a body, and to which host."""

    address: str | None
    host: str
    path: str


def slots_for(sender: Sender, times: int = 1) -> ExitStack | Rejection:
    """Return a context manager that holds the slots of one body, or the rejection.

    `times`: factor on the setting, for a server that needs no thread for a body.
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
    """Return the host, and the rejection that its request would get anyway.

    The host is empty if no tenant is known to have it: clients can invent hosts.
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
    """Return the deadline of a body in seconds after its start, by the bytes received."""
    return limit_settings().body_seconds + received / SLOWEST


TOO_SLOW = Rejection(ProcessLimit.TOO_SLOW, 1)
TOO_LARGE = Rejection(ProcessLimit.TOO_LARGE, 0)
