"""OpenID Connect discovery, JWKS and userinfo of a tenant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from ninja.errors import HttpError

from tenants.contrib.api.auth import NotAuthenticated, PermissionDenied
from tenants.contrib.oauth.bearer import INVALID_TOKEN, authenticate_by_token
from tenants.contrib.oauth.http import token_error
from tenants.contrib.oauth.issuer import issuer, url_of
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.keys import ALGORITHM
from tenants.contrib.oauth.scopes import TenantScopes
from tenants.contrib.oauth.validator import Validator
from tenants.contrib.oauth.views import GRANT_TYPES

_KEYS_SECONDS = 300
"""Seconds for which others may cache the public keys. For an unknown key id, verifiers reload them anyway."""
_SECRETS = ["client_secret_basic", "client_secret_post"]


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """Return the metadata of the tenant as an authorization server (RFC 8414) and OpenID provider."""
    return _public_json(
        {
            "issuer": issuer(),
            "authorization_endpoint": url_of("oauth:authorize"),
            "token_endpoint": url_of("oauth:token"),
            "revocation_endpoint": url_of("oauth:revoke"),
            "introspection_endpoint": url_of("oauth:introspect"),
            "userinfo_endpoint": url_of("oauth:userinfo"),
            "jwks_uri": url_of("oauth:jwks"),
            "scopes_supported": list(TenantScopes().get_all_scopes()),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANT_TYPES),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [*_SECRETS, "none"],
            "revocation_endpoint_auth_methods_supported": [*_SECRETS, "none"],
            "introspection_endpoint_auth_methods_supported": _SECRETS,
            "authorization_response_iss_parameter_supported": True,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "claims_supported": ["sub", *Validator().get_additional_claims()],
            "prompt_values_supported": ["none", "login"],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    )


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the public keys that verify the tenant's tokens."""
    response = _public_json({"keys": key_cache.get().jwks})
    response["Cache-Control"] = f"public, max-age={_KEYS_SECONDS}"
    return response


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """Return the claims of the user of a token, within its scopes (OpenID Connect)."""
    try:
        access = authenticate_by_token(request)
        if access.user is None:
            raise NotAuthenticated("The token has no user: its client acts for itself.", INVALID_TOKEN)
        if "openid" not in access.scopes:
            raise PermissionDenied("Missing scope: openid.", ["openid"])
        return JsonResponse(_claims(access.user, access.scopes))
    except HttpError as refused:
        return token_error(refused)


def _claims(user: Any, scopes: frozenset[str]) -> dict[str, Any]:
    asked = SimpleNamespace(user=user, scopes=scopes)
    claims: dict[str, Any] = Validator().get_oidc_claims(None, None, asked)
    return claims


def _public_json(document: dict[str, Any]) -> JsonResponse:
    response = JsonResponse(document)
    response["Access-Control-Allow-Origin"] = "*"
    return response
