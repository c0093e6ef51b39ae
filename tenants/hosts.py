"""One spelling for every host name. Pure; imports no Django models."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import idna
from django.utils.translation import gettext_noop as _

from tenants.errors import InvalidHost

_MAX_LENGTH = 253
"""Of a host name without its trailing dot (RFC 1035 §2.3.4)."""

_PORT = re.compile(r":\d{0,5}$")
_PLAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


@lru_cache(maxsize=4_096)
def normalise_host(raw: str) -> str:
    """Return the one spelling of a `Host` header's or form's value; raise `InvalidHost` for anything else.

    Lower case, no port, no trailing dot, internationalised names as ASCII (IDNA 2008, UTS 46), IPv6 in brackets
    and compressed: `ACME.localhost.:8000` → `acme.localhost`, `상가.example` → `xn--o39ao70b.example`.
    """
    host = raw.strip()
    if host.startswith("["):
        return _normalise_ipv6(raw, host)
    host = _PORT.sub("", host).removesuffix(".").lower()
    if len(host) > _MAX_LENGTH:
        raise InvalidHost(raw, f"it is longer than {_MAX_LENGTH} characters.")
    if _PLAIN.fullmatch(host) and "xn--" not in host:
        return host
    try:
        host = idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise InvalidHost(raw, f"{error}.") from error
    if not _PLAIN.fullmatch(host):
        raise InvalidHost(raw, _("a host name has letters, digits, hyphens and dots."))
    return host


def _normalise_ipv6(raw: str, host: str) -> str:
    address, bracket, port = host[1:].partition("]")
    if not bracket or (port and not _PORT.fullmatch(port)):
        raise InvalidHost(raw, _("the brackets of an IPv6 address do not match."))
    if "%" in address:
        raise InvalidHost(raw, _("a zone (%) means something on one machine only."))
    try:
        return f"[{ipaddress.IPv6Address(address).compressed}]"
    except ValueError as error:
        raise InvalidHost(raw, f"{error}.") from error
