"""Token introspection (RFC 7662)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.http import (
    ParameterCheckView,
    authenticated_client,
    client_response,
    invalid_client,
    oauth_error,
)
from tenants.contrib.oauth.issuer import issuer
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.models import AccessToken, Application
from tenants.contrib.oauth.scopes import INTROSPECTION
from tenants.contrib.oauth.tokens import verify_token

_INACTIVE = {"active": False}


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(never_cache, name="dispatch")
class Introspect(ParameterCheckView):
    """For confidential clients: their own tokens, or all tokens with the scope `introspection`."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.GET:  # URLs are logged (RFC 6749, 2.3.1)
            return client_response(oauth_error("invalid_request", "Send all parameters in the body, not in the URL."))
        client = authenticated_client(request)
        if client is None:
            return invalid_client()
        token = request.POST.get("token")
        if not token:
            return oauth_error("invalid_request", "Missing parameter: token.")
        return JsonResponse(_introspect(token, client))


def _introspect(token: str, client: Application) -> dict[str, Any]:
    try:
        claims = verify_token(token, key_cache.get())
    except InvalidToken:
        return _INACTIVE
    if claims.client_id != client.client_id and INTROSPECTION not in client.scope_list:
        return _INACTIVE
    row = AccessToken.objects.select_related("user").filter(jti=claims.jti).first()
    if row is None or (row.user is not None and not row.user.is_active):
        return _INACTIVE
    return {
        "active": True,
        "iss": issuer(),
        "aud": issuer(),
        "sub": claims.user_id or claims.client_id,
        "client_id": claims.client_id,
        "scope": " ".join(sorted(claims.scopes)),
        "token_type": "Bearer",
        "jti": claims.jti,
        "iat": claims.issued,
        "exp": claims.expires,
        **({} if row.user is None else {"username": row.user.get_username()}),
    }
