"""Validation of service addresses, path prefixes and network ranges. Imports no models."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from django.utils.translation import gettext

from tenants.errors import InvalidHost
from tenants.hosts import normalise_host

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

INTERNAL_PREFIX = "/-/"
"""Paths of health checks and metrics, which every process serves itself and the gateway never forwards."""

_PREFIX = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*(?:[A-Za-z0-9._~-]+)?")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, stripped, without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_prefix(prefix: str) -> str:
    """Return a path prefix unchanged; raise `ValueError` if it is invalid.

    Prefixes match whole segments: `/stock/` what is below it, `/stock` also itself, `/` everything.
    """
    if not _PREFIX.fullmatch(prefix) or _DOTS.search(prefix):
        text = gettext(
            "Invalid path prefix: %(prefix)r. Use letters, digits and - . _ ~ between slashes, such as /stock/."
        )
        raise ValueError(text % {"prefix": prefix})
    if f"{prefix}/".startswith(INTERNAL_PREFIX):
        raise ValueError(gettext("Paths below %s are reserved.") % INTERNAL_PREFIX)
    return prefix


def is_below(path: str, prefix: str) -> bool:
    """Tell whether a path prefix matches a path."""
    return path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in {"", "/"})


def check_health_path(path: str) -> str:
    """Return a path unchanged; raise `ValueError` if it is invalid."""
    if not re.fullmatch(r"/[!-~]*", path) or "#" in path:
        raise ValueError(gettext("Invalid path: %(path)r. Use a path such as /health.") % {"path": path})
    return path


def check_range(value: str) -> IPNetwork:
    """Return a network range; raise `ValueError` if it is invalid."""
    try:
        return ipaddress.ip_network(value)
    except ValueError as error:
        text = gettext("Invalid network range: %(range)r. %(error)s. Use CIDR notation, such as 10.1.0.0/16.")
        raise ValueError(text % {"range": value, "error": error}) from error


def check_address(url: str) -> str:
    """Return a service address unchanged; raise `ValueError` unless it is scheme, host and port."""
    if url != _normalised_address(url):
        text = gettext("Invalid service address: %(url)r. Use scheme, host and port, such as http://10.1.0.7:8002.")
        raise ValueError(text % {"url": url})
    return url


def _normalised_address(url: str) -> str:
    """Return scheme, host and port of `url` in normal form; an empty string if it is invalid."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = normalise_host(f"[{host}]" if ":" in host else host)
        port = "" if parts.port is None else f":{parts.port}"
    except (InvalidHost, ValueError):
        return ""
    return f"{parts.scheme}://{host}{port}" if parts.scheme in {"http", "https"} and parts.port != 0 else ""
