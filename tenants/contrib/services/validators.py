"""Validation of service addresses, path prefixes and network ranges. Imports no models."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from tenants.errors import InvalidHost
from tenants.hosts import normalize_host

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

INTERNAL_PREFIX = "/-/"
"""Paths of health checks and metrics, which every process serves itself and the gateway never forwards."""

_PREFIX = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*(?:[A-Za-z0-9._~-]+)?")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, stripped, without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def is_below(path: str, prefix: str) -> bool:
    """Tell whether a path prefix matches a path."""
    return path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in {"", "/"})


def validate_prefixes(text: str) -> None:
    """Raise `ValidationError` unless every line is a path prefix.

    Prefixes match whole segments: `/stock/` what is below it, `/stock` also itself, `/` everything.
    """
    for prefix in lines_of(text):
        if not _PREFIX.fullmatch(prefix) or _DOTS.search(prefix):
            message = _(
                "Invalid path prefix: %(prefix)r. Use letters, digits and - . _ ~ between slashes, such as /stock/."
            )
            raise ValidationError(message, code="invalid", params={"prefix": prefix})
        if f"{prefix}/".startswith(INTERNAL_PREFIX):
            message = _("Paths below %(prefix)s are reserved.")
            raise ValidationError(message, code="invalid", params={"prefix": INTERNAL_PREFIX})


def validate_health_path(path: str) -> None:
    if not re.fullmatch(r"/[!-~]*", path) or "#" in path:
        message = _("Invalid path: %(path)r. Use a path such as /health.")
        raise ValidationError(message, code="invalid", params={"path": path})


def validate_ranges(text: str) -> None:
    """Raise `ValidationError` unless every line is a network range."""
    for line in lines_of(text):
        try:
            ipaddress.ip_network(line)
        except ValueError as error:
            message = _("Invalid network range: %(range)r. %(error)s. Use CIDR notation, such as 10.1.0.0/16.")
            raise ValidationError(message, code="invalid", params={"range": line, "error": error}) from error


def validate_address(url: str) -> None:
    """Raise `ValidationError` unless a URL is scheme, host and port, in normal form."""
    if url != _normalized_address(url):
        message = _("Invalid service address: %(url)r. Use scheme, host and port, such as http://10.1.0.7:8002.")
        raise ValidationError(message, code="invalid", params={"url": url})


def _normalized_address(url: str) -> str:
    """Return scheme, host and port of `url` in normal form; an empty string if it is invalid."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = normalize_host(f"[{host}]" if ":" in host else host)
        port = "" if parts.port is None else f":{parts.port}"
    except (InvalidHost, ValueError):
        return ""
    return f"{parts.scheme}://{host}{port}" if parts.scheme in {"http", "https"} and parts.port != 0 else ""
