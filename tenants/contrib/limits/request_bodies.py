"""Receiving request bodies before the request is handled, with a deadline and limits on size and concurrency.

A body is received before its request takes one of the tenant's slots, so that slow bodies block no page of the shop.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenants.conf import tenancy
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.limiter import ProcessLimit, Rejection, RequestLimiter, Slot, limiter
from tenants.contrib.limits.lockouts import Attempt, lockouts
from tenants.errors import InvalidHost
from tenants.hosts import host_of_header

LARGEST = 264 * 1024 * 1024
"""Maximum size of a body in bytes: an import of 256 MiB, and the form around it."""
SLOWEST = 32 * 1024
"""A body has a second more than `TENANTS["BODY_SECONDS"]` for each so many bytes received."""
KEPT_IN_MEMORY = 1024 * 1024
"""Bytes of a body that are kept in memory; the rest goes to a temporary file."""
MAX_ABANDONED = 8
"""Bodies of one address that missed the deadline while the client keeps the connection open (WSGI)."""

REJECTION = "tenants.body_refusal"
"""Key in `request.META` for the reason why a body was refused."""

_receiving = RequestLimiter()


@dataclass(frozen=True, slots=True)
class Sender:
    """Client of a body, with the host and path of its request."""

    address: str | None
    host: str
    path: str


def slot_for(sender: Sender, times: int = 1) -> Slot | Rejection:
    """Return the slot of one body, or the rejection.

    `times`: factor on the setting, for a server that needs no thread for a body.
    """
    host, rejection = _look_ahead(sender)
    if rejection is not None:
        return rejection
    maximum = limit_settings().max_request_bodies * times
    if not maximum:
        return Slot(lambda: None)
    slot = _receiving.acquire_all(
        {
            ("address", sender.address): 0 if sender.address is None else max(1, maximum // 3),
            ("host", host): max(1, maximum * 2 // 3),
            ("process", None): maximum,
        }
    )
    return slot if isinstance(slot, Slot) else Rejection(ProcessLimit.BODIES, 2)


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
