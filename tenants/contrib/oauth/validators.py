"""Validators of redirect URIs and origins of clients."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from yarl import URL

_LOCALHOST = ("localhost", "127.0.0.1", "::1")


def check_redirect_uris(uris: str) -> None:
    """Raise `ValidationError` for a URI with a wildcard, or with http for another host than localhost.

    `uris` are separated by spaces. RFC 8252, 7.3, allows http for localhost.
    """
    for uri in uris.split():
        if not _is_secure(uri):
            message = _("%(uri)s: enter an https URL without “*”, or an http URL of localhost.")
            raise ValidationError({"redirect_uris": message}, params={"uri": uri})


def check_origins(origins: str) -> None:
    """Raise `ValidationError` for an origin that is neither https nor localhost."""
    for origin in origins.split():
        if not _is_secure(origin):
            message = _("%(origin)s: enter an https origin, or an http origin of localhost.")
            raise ValidationError({"allowed_origins": message}, params={"origin": origin})


def normalized_origin(origin: str) -> str:
    """Return an origin as browsers send it: lower case, ASCII, without the default port."""
    return str(URL(origin).origin())


def _is_secure(uri: str) -> bool:
    try:
        url = URL(uri)
    except ValueError:
        return False
    host = url.raw_host or ""
    if "*" in uri or "@" in url.raw_authority or not host:
        return False
    local = host in _LOCALHOST or host.endswith(".localhost")
    return url.scheme == "https" or (url.scheme == "http" and local)
