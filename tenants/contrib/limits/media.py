"""View of a tenant's uploaded files, with a limit on concurrent downloads of large ones."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.context import current_tenant
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.limiter import ProcessLimit, Rejection, Slot, TenantLimiter
from tenants.contrib.limits.responses import rejected
from tenants.http import media as engine
from tenants.http.client_ip import get_client_ip
from tenants.limits import Limits

KEPT_BY_THE_SYSTEM = 256 * 1024
"""Bytes that a connection buffers: a smaller file holds no thread for a slow client."""

_sending = TenantLimiter()


def _slots_for(request: HttpRequest, size: int) -> Slot | Rejection:
    """Return a context manager that holds the slots of a large file: under WSGI a slow client holds a thread."""
    most = limit_settings().most_waiting
    if request.method == "HEAD" or not most or size <= KEPT_BY_THE_SYSTEM:
        return Slot(lambda: None)
    bounds: list[tuple[object, int]] = [(current_tenant().id, max(1, most * 2 // 3)), ("all", most)]
    if address := get_client_ip(request):
        bounds.append((address, max(1, most // 2)))
    with ExitStack() as slots:
        for key, number in bounds:
            slot = _sending.acquire_as(key, Limits(concurrency=number))
            if not isinstance(slot, Slot):
                return Rejection(ProcessLimit.FILES, 2)
            slots.callback(slot.release)
        return Slot(slots.pop_all().close)


def media(request: HttpRequest, name: str) -> HttpResponseBase:
    """Return a file as `tenants.http.media.media` does; 503 if too many downloads are running."""
    response = engine.media(request, name)
    slots = _slots_for(request, int(response.get("Content-Length", "0")))
    if isinstance(slots, Rejection):
        cast(Any, response).file_to_stream.close()  # not the response: that would end the request
        return rejected(request, current_tenant(), slots)
    slots.release_at_end_of(response)
    return response
