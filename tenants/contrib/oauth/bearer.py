"""Authentication of API requests by access token or API key, for `TENANTS["API_BEARERS"]`.

With a warm cache neither costs a query. The user is loaded when it is first used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tenants.contrib.api.auth import Access, NotAuthenticated
from tenants.contrib.impersonation.backend import is_operator_account
from tenants.contrib.oauth.api_keys import find_api_key, is_api_key
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.key_cache import TenantKeys, key_cache
from tenants.contrib.oauth.tokens import verify_token

INVALID_TOKEN = "invalid_token"  # noqa: S105  # an error code
"""Error code of RFC 6750 for a token that is expired, revoked, malformed or otherwise invalid."""


@dataclass(frozen=True, slots=True)
class TokenAccess(Access):
    """Access by a token, which always has scopes."""

    scopes: frozenset[str] = frozenset()


def bearer(request: HttpRequest, token: str) -> TokenAccess | None:
    """Return the access of a token of the active tenant, or None for another kind of token.

    Raises `NotAuthenticated` for an invalid one; for an inactive user, this is raised when the user is loaded.
    """
    access = access_by_token(token, key_cache.get())
    if access is not None:
        # For code that reads `request.user`: the user of the token and not of a session.
        cast(Any, request).user = AnonymousUser() if access.user is None else access.user
    return access


def access_by_token(token: str, keys: TenantKeys) -> TokenAccess | None:
    """Return the access of a token, or None for another kind of token. Raises `NotAuthenticated`."""
    try:
        if is_api_key(token):
            key = find_api_key(token, keys)
            return TokenAccess(user_by_id(key.user_id), key.scopes, key.name)
        if token.count(".") == 2:
            claims = verify_token(token, keys)
            user = None if claims.user_id is None else user_by_id(claims.user_id)
            name = keys.clients.get(claims.client_id, claims.client_id)
            return TokenAccess(user, claims.scopes, name, claims.client_id)
    except InvalidToken as refused:
        raise NotAuthenticated(refused.reason, INVALID_TOKEN) from refused
    return None


def authenticate_by_token(request: HttpRequest) -> TokenAccess:
    """Return the access of the bearer token of a request. Raises `NotAuthenticated`, also without a token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("No token: send it in the header Authorization: Bearer.")
    access = bearer(request, token.strip())
    if access is None:
        raise NotAuthenticated("The token was not issued by this shop.", INVALID_TOKEN)
    return access


def user_by_id(user_id: object) -> Any:
    """Return a user that is loaded when it is first used."""
    return SimpleLazyObject(partial(_load_user, user_id))


def _load_user(user_id: object) -> Any:
    users: Any = get_user_model()
    user = users._default_manager.filter(pk=user_id, is_active=True).first()
    if user is None or is_operator_account(user):
        raise NotAuthenticated("The user of the token is inactive or deleted.", INVALID_TOKEN)
    return user
