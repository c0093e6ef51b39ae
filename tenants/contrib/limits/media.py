"""View of a tenant's uploaded files, with a limit on concurrent downloads of large ones."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.context import current_tenant
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.limiter import ProcessLimit, Rejection, RequestLimiter, Slot
from tenants.contrib.limits.responses import rejected
from tenants.http import media as engine
from tenants.http.client_ip import get_client_ip

KEPT_BY_THE_SYSTEM = 256 * 1024
"""Bytes that a connection buffers: a smaller file holds no thread for a slow client."""

_sending = RequestLimiter()


def _slot_for(request: HttpRequest, size: int) -> Slot | Rejection:
    """Return the slot of a large file, since a slow client holds a thread under WSGI; or the rejection."""
    maximum, address = limit_settings().max_waiting_requests, get_client_ip(request)
    if request.method == "HEAD" or not maximum or size <= KEPT_BY_THE_SYSTEM:
        return Slot(lambda: None)
    slot = _sending.acquire_all(
        {
            ("tenant", current_tenant().id): max(1, maximum * 2 // 3),
            ("process", None): maximum,
            ("address", address): max(1, maximum // 2) if address else 0,
        }
    )
    return slot if isinstance(slot, Slot) else Rejection(ProcessLimit.FILES, 2)


def media(request: HttpRequest, name: str) -> HttpResponseBase:
    """Return a file as `tenants.http.media.media` does; 503 if too many downloads are running."""
    response = engine.media(request, name)
    slot = _slot_for(request, int(response.get("Content-Length", "0")))
    if isinstance(slot, Rejection):
        cast(Any, response).file_to_stream.close()  # not the response: that would end the request
        return rejected(request, current_tenant(), slot)
    slot.release_at_end_of(response)
    return response
