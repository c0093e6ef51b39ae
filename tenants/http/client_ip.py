"""Network address of the client, behind as many proxies as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.http import HttpRequest

from tenants.conf import tenancy

_ONE_CUSTOMER = 64
"""Bits of the network that a provider gives a customer, who chooses the rest of the IPv6 address."""


def get_client_ip(request: HttpRequest) -> str | None:
    """Return the address of the client, or None if it has no valid one (a Unix socket has none).

    With `TENANTS["TRUSTED_PROXIES"]` it is read from X-Forwarded-For, counted from the right: entries further left
    are the client's own. An IPv6 address is reduced to its /64 network.
    """
    return address_in(request.META)


def address_in(meta: Mapping[str, Any]) -> str | None:
    """Return the same from a request's META, or from a WSGI environ."""
    proxies = tenancy().trusted_proxies
    if not proxies:
        return _normal(meta.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return _normal(hops[-proxies]) if len(hops) >= proxies else None


@lru_cache(maxsize=4_096)
def _normal(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, _ONE_CUSTOMER), strict=False).network_address)
    return str(address)
