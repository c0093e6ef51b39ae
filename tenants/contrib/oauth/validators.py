"""Where a client may have people sent back to."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from yarl import URL

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


def normalized_origin(origin: str) -> str:
    """Return an origin as a browser writes it in a header: in lower case and ASCII, without the port of its scheme."""
    return str(URL(origin).origin())


def _is_fit(uri: str) -> bool:
    try:
        url = URL(uri)
    except ValueError:
        return False
    host = url.raw_host or ""
    if "*" in uri or "@" in url.raw_authority or not host:
        return False
    local = host in _THIS_MACHINE or host.endswith(".localhost")
    return url.scheme == "https" or (url.scheme == "http" and local)
