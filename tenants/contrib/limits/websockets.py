"""Limits on open WebSockets in one process, for each tenant and client address. They stay open for hours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tenants.context import TenantInfo
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.limiter import Slot, TenantLimiter
from tenants.limits import Limits

_open = TenantLimiter()


@contextmanager
def socket_slots(tenant: TenantInfo, address: str | None) -> Iterator[str]:
    """Count one WebSocket inside the block; yield the reason why it may not be opened, or an empty text."""
    conf, rejection = limit_settings(), ""
    bounds: list[tuple[str, object, int]] = [
        ("this address", ("address", address), 0 if address is None else conf.address_sockets),
        (str(tenant), ("tenant", tenant.id), conf.tenant_sockets),
    ]
    with ExitStack() as slots:
        for whose, key, most in bounds:
            slot = _open.acquire_as(key, Limits(concurrency=most))
            if not isinstance(slot, Slot):
                rejection = f"WebSocket refused: {whose} has {most} open, which is the maximum. Close one first."
                break
            slots.callback(slot.release)
        yield rejection
