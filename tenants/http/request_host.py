"""Host of a request, normalized."""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from tenants.errors import InvalidHost
from tenants.hosts import agreed_host


def host_of(request: HttpRequest) -> str:
    """Return the host, or an empty string where it is not a host name or the request names two different ones."""
    # Servers that pass the request line on do it under one of these names.
    target = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or "/"
    try:
        return agreed_host(request.get_host(), target)
    except (DisallowedHost, InvalidHost):
        return ""
