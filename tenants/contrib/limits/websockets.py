"""Limits on WebSockets and HTTP consumers in one process, for each tenant and address. They stay open for hours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tenants.context import TenantInfo
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.limiter import FullLimit, RequestLimiter

_open = RequestLimiter()


@contextmanager
def socket_slots(tenant: TenantInfo, address: str | None) -> Iterator[str]:
    """Count one connection inside the block; yield the reason why it may not be opened, or an empty text."""
    conf = limit_settings()
    slot = _open.acquire_all(
        {
            ("address", address): 0 if address is None else conf.address_sockets,
            ("tenant", tenant.id): conf.tenant_sockets,
        }
    )
    if isinstance(slot, FullLimit):
        whose = "this address" if slot.kind == "address" else tenant
        yield f"Connection refused: {whose} has {slot.maximum} open, which is the maximum. Close one first."
        return
    with slot:
        yield ""
