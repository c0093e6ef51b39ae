"""Where a client may have people sent back to."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.encoding import punycode
from django.utils.translation import gettext_lazy as _

_USUAL_PORTS = {"http": 80, "https": 443}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def check_redirect_uris(uris: str) -> None:
    """Refuse, as a form's field error, an address to which a code would travel in the clear, and one with a wildcard.

    `uris` has spaces between the addresses. Plain HTTP is for this machine alone (RFC 8252, section 7.3).
    """
    for uri in uris.split():
        if not _is_fit(uri):
            message = _("%(uri)s: it has to be an https address without “*”, or an http one of the own machine.")
            raise ValidationError({"redirect_uris": message}, params={"uri": uri})


def check_origins(origins: str) -> None:
    """Refuse, as a form's field error, an origin that is neither https nor of the own machine.

    `origins` has spaces between them.
    """
    for origin in origins.split():
        if not _is_fit(origin):
            message = _("%(origin)s: it has to be an https origin, or an http one of the own machine.")
            raise ValidationError({"allowed_origins": message}, params={"origin": origin})


def origin_as_sent(origin: str) -> str:
    """Return an origin as a browser writes it in a header: in lower case and ASCII, without the port of its scheme."""
    parts = urlsplit(origin)
    host = punycode(parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    is_usual = parts.port is None or parts.port == _USUAL_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{parts.port}"


def _is_fit(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "*" in uri or parts.username is not None or not host:
        return False
    local = host in _THIS_MACHINE or host.endswith(".localhost")
    return parts.scheme == "https" or (parts.scheme == "http" and local)
