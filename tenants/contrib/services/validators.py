"""Spelling of services' addresses, prefixes of paths and ranges of networks. Pure; imports no Django models."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from django.utils.translation import gettext

from tenants.errors import InvalidHost
from tenants.hosts import normalise_host

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

OWN_PREFIX = "/-/"
"""Paths that every process answers itself, health and metrics: the gateway leads nobody there."""

_PREFIX = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*(?:[A-Za-z0-9._~-]+)?")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


def lines_of(text: str) -> list[str]:
    """Return what a text has, line by line, without blanks."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_prefix(prefix: str) -> str:
    """Return a prefix of paths as it is; raise `ValueError` for anything else.

    Segments are whole: `/stock/` is what is below it, `/stock` that and itself, `/` everything.
    """
    if not _PREFIX.fullmatch(prefix) or _DOTS.search(prefix):
        text = gettext(
            "%(prefix)r is no prefix of paths: write it as /stock/; letters, digits and - . _ ~ between slashes."
        )
        raise ValueError(text % {"prefix": prefix})
    if f"{prefix}/".startswith(OWN_PREFIX):
        raise ValueError(gettext("Paths below %s are every process's own.") % OWN_PREFIX)
    return prefix


def is_below(path: str, prefix: str) -> bool:
    """Tell whether a prefix of paths fits a path."""
    return path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in {"", "/"})


def check_health_path(path: str) -> str:
    """Return a path as it is; raise `ValueError` if there is anything but a path in it."""
    if not re.fullmatch(r"/[!-~]*", path) or "#" in path:
        raise ValueError(gettext("%(path)r is no path: write it as /health.") % {"path": path})
    return path


def check_range(text: str) -> IPNetwork:
    """Return a range of network addresses; raise `ValueError` for anything else."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        refusal = gettext("%(range)r is no range of addresses: %(error)s. Write it as 10.1.0.0/16.")
        raise ValueError(refusal % {"range": text, "error": error}) from error


def check_address(url: str) -> str:
    """Return a service's address as it is; raise `ValueError` if it is more or less than scheme, host and port."""
    if url != _plain_address(url):
        text = gettext("%(url)r is no address of a service: write it as http://10.1.0.7:8002, without a path.")
        raise ValueError(text % {"url": url})
    return url


def _plain_address(url: str) -> str:
    """Return scheme, host and port of `url` in their one spelling; empty where there is no sense in it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = normalise_host(f"[{host}]" if ":" in host else host)
        port = "" if parts.port is None else f":{parts.port}"
    except (InvalidHost, ValueError):
        return ""
    return f"{parts.scheme}://{host}{port}" if parts.scheme in {"http", "https"} and parts.port != 0 else ""
