"""Checks of an authorization request beyond RFC 6749: OpenID Connect's parameters, and the issuer in each answer."""

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
    "request": ("request_not_supported", "Send the parameters themselves and not a request object."),
    "request_uri": ("request_uri_not_supported", "Send the parameters themselves and not the address of a request."),
}


def parameter_error(query: QueryDict) -> OAuth2Error | None:
    """Return the error for a parameter that is not supported, or whose value makes no sense; None if all are fine."""
    for name, (error, description) in _UNSUPPORTED.items():
        if name in query:
            return CustomOAuth2Error(error=error, description=description)
    if query.get("response_mode", "query") != "query":
        return InvalidRequestError(description="The response_mode is always query.")
    if query.get("code_challenge_method") != "S256":
        return InvalidRequestError(description="The code_challenge_method is always S256.")
    if not query.get("max_age", "0").isascii() or not query.get("max_age", "0").isdecimal():
        return InvalidRequestError(description="max_age is a number of seconds.")
    prompts = query.get("prompt", "").split()
    if "create" in prompts:
        return InvalidRequestError(description="prompt=create is not supported.")
    if "none" in prompts and len(prompts) > 1:
        return InvalidRequestError(description="prompt=none goes with no other value.")
    return None


def is_login_too_old(query: QueryDict, user: Any) -> bool:
    """Tell whether the client wants a newer sign-in than the user's last one (`max_age`, in seconds)."""
    asked = query.get("max_age")
    if asked is None:
        return False
    seconds = min(int(asked[:12]), 10**9)  # longer than any account has been there, and what a timedelta holds
    return user.last_login is None or timezone.now() - user.last_login >= timedelta(seconds=seconds)


def without_parameters(address: str, *names: str) -> str:
    """Return an address without some of its parameters."""
    parts = urlsplit(address)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in names]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def with_issuer(redirect: str) -> str:
    """Return the address of an authorization response with `iss`, which RFC 9207 has in errors as well."""
    parts = urlsplit(without_parameters(redirect, "iss"))
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}{urlencode({'iss': issuer()})}"))
