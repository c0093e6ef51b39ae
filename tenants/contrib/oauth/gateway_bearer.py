"""Access of a token that the gateway has verified: `TENANTS["API_BEARERS"]` of a service behind it."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from tenants.contrib.api.auth import NotAuthenticated
from tenants.contrib.oauth.bearer import INVALID_TOKEN, TokenAccess, user_by_id
from tenants.contrib.observability.principal import ANONYMOUS, Principal


def bearer(request: HttpRequest, token: str) -> TokenAccess:
    """Return the access of the principal whom the gateway has signed; raise `NotAuthenticated` if there is none."""
    principal: Principal = getattr(request, "principal", ANONYMOUS)
    if not principal.is_authenticated:
        raise NotAuthenticated("The token was not issued by this shop.", INVALID_TOKEN)
    user = user_by_id(principal.user) if principal.user else None
    # For code that knows only `request.user`, as in `tenants.contrib.oauth.bearer`.
    cast(Any, request).user = AnonymousUser() if user is None else user
    return TokenAccess(user, principal.scopes, principal.client, principal.client)
