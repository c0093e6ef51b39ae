"""Where connections may lead: to the public internet, and to private ranges that an operator has named.

Asked with the address of the very connection that is about to be made, so it does not matter what a name resolved to
before, or resolves to next.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from tenants.contrib.services.validators import IPAddress, IPNetwork

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # Python 3.11 takes it for a public one


def is_allowed(text: str, ranges: Iterable[IPNetwork]) -> bool:
    """Tell whether a service with these private ranges may be connected to at an IP address."""
    address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    return _is_public(address) or any(address in one for one in ranges)


def _plain(address: IPAddress) -> IPAddress:
    """Return the IPv4 address inside an IPv6 one that stands for it: what a rule says of one holds for the other."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: IPAddress) -> bool:
    return address.is_global and not address.is_multicast and address not in _LOCAL_NAT64
