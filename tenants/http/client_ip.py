"""Whose request it is, by network address, behind as many proxies as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.http import HttpRequest

from tenants.conf import tenancy

_ONE_CUSTOMER = 64
"""Bits of an IPv6 address that a provider gives a customer as a whole: the others are the customer's to choose."""


def get_client_ip(request: HttpRequest) -> str | None:
    """Return the address of the client, or None if there is none that makes sense (a Unix socket has none).

    With `TENANTS["TRUSTED_PROXIES"]` it is read from X-Forwarded-For, counted from the right: what stands further left
    is what the client has sent. Of an IPv6 address it is the network, a /64, that counts.
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
