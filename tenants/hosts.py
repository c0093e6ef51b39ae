"""Normal spelling of host names. Imports no Django models."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

import idna
from django.utils.translation import gettext_noop as _

from tenants.errors import InvalidHost

_MAX_LENGTH = 253
"""Maximum length of a host name without its trailing dot (RFC 1035 §2.3.4)."""

_PORT = re.compile(r":[0-9]{0,5}$")
_HEADER = re.compile(r"(?:[A-Za-z0-9.-]+|\[[A-Fa-f0-9]*:[A-Fa-f0-9:.]+\])(?::[0-9]{1,5})?")
"""Valid Host headers: only ASCII, as in Django. Other letters are sent as `xn--…` (RFC 5891 §4)."""
_PLAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


@lru_cache(maxsize=4_096)
def host_of_header(raw: str) -> str:
    """Return the one spelling of a request's `Host` header; raise `InvalidHost` for anything else.

    Servers decode bytes beyond ASCII in different ways, so that a full-width letter would be one shop's at the gateway
    and another's, or none's, behind it: such a host is refused everywhere.
    """
    if not _HEADER.fullmatch(raw):
        raise InvalidHost(raw, _("a Host header has letters, digits, hyphens and dots, and a port."))
    return normalize_host(raw)


@lru_cache(maxsize=4_096)
def normalize_host(raw: str) -> str:
    """Return the one spelling of a `Host` header's or form's value; raise `InvalidHost` for anything else.

    Lower case, no port, no trailing dot, internationalised names as ASCII (IDNA 2008, UTS 46), IPv6 in brackets
    and compressed: `ACME.localhost.:8000` → `acme.localhost`, `상가.example` → `xn--o39ao70b.example`.
    """
    host = raw.strip()
    if host.startswith("["):
        return _normalize_ipv6(raw, host)
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


def agreed_host(header: str, target: str) -> str:
    """Return the host of a request by its `Host` header, or an empty string where its request line names another.

    The host of an absolute URL in the request line has precedence over the header (RFC 9112 §3.2.2), but servers
    disagree about that: both must name one host. Raises `InvalidHost`.
    """
    host = host_of_header(header)
    return host if target[:1] in "/*" or host_of_header(authority_of(target)) == host else ""


def authority_of(address: str) -> str:
    """Return host and port of a URL in lower case, without a user; empty if it cannot be parsed."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _normalize_ipv6(raw: str, host: str) -> str:
    address, bracket, port = host[1:].partition("]")
    if not bracket or (port and not _PORT.fullmatch(port)):
        raise InvalidHost(raw, _("the brackets of an IPv6 address do not match."))
    if "%" in address:
        raise InvalidHost(raw, _("a zone (%) means something on one machine only."))
    try:
        return f"[{ipaddress.IPv6Address(address).compressed}]"
    except ValueError as error:
        raise InvalidHost(raw, f"{error}.") from error
