"""IP addresses that connections to services may use: public ones, and private ranges named by an operator.

The check is for the address of the connection that is about to be made, so DNS answers cannot change afterwards.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from tenants.contrib.services.validators import IPAddress, IPNetwork

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # Python 3.11 considers it public


def is_allowed(text: str, ranges: Iterable[IPNetwork]) -> bool:
    """Tell whether a service with these private ranges may be at an IP address."""
    address = _embedded_ipv4(ipaddress.ip_address(text.partition("%")[0]))
    return _is_public(address) or any(address in one for one in ranges)


def _embedded_ipv4(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address embeds, else the address: the same rules hold for both."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: IPAddress) -> bool:
    return address.is_global and not address.is_multicast and address not in _LOCAL_NAT64
