"""Parameters of OpenID Connect in authorization requests, and `iss` in responses (RFC 9207)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import QueryDict
from django.utils import timezone
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error, InvalidRequestError, OAuth2Error

from tenants.contrib.oauth.issuer import issuer

_UNSUPPORTED = {
    # OpenID Connect Core 3.1.2.6, RFC 9101.
    "request": ("request_not_supported", "Request objects are not supported. Send the parameters."),
    "request_uri": ("request_uri_not_supported", "request_uri is not supported. Send the parameters."),
}


def parameter_error(query: QueryDict) -> OAuth2Error | None:
    """Return the error of an unsupported or invalid parameter, or None."""
    for name, (error, description) in _UNSUPPORTED.items():
        if name in query:
            return CustomOAuth2Error(error=error, description=description)
    if query.get("response_mode", "query") != "query":
        return InvalidRequestError(description="response_mode must be query.")
    if query.get("code_challenge_method") != "S256":
        return InvalidRequestError(description="code_challenge_method must be S256.")
    if not query.get("max_age", "0").isascii() or not query.get("max_age", "0").isdecimal():
        return InvalidRequestError(description="max_age must be a number of seconds.")
    prompts = query.get("prompt", "").split()
    if "create" in prompts:
        return InvalidRequestError(description="prompt=create is not supported.")
    if "none" in prompts and len(prompts) > 1:
        return InvalidRequestError(description="prompt=none excludes other values.")
    return None


def is_login_too_old(query: QueryDict, user: Any) -> bool:
    """Return whether the last login is older than `max_age` seconds."""
    max_age = query.get("max_age")
    if max_age is None:
        return False
    seconds = min(int(max_age[:12]), 10**9)  # a timedelta cannot hold more
    return user.last_login is None or timezone.now() - user.last_login >= timedelta(seconds=seconds)


def without_parameters(url: str, *names: str) -> str:
    """Return a URL without some of its parameters."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in names]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def with_issuer(redirect: str) -> str:
    """Return the URL of an authorization response with `iss`; RFC 9207 wants it in errors, too."""
    parts = urlsplit(without_parameters(redirect, "iss"))
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}{urlencode({'iss': issuer()})}"))
