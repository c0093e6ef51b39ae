"""Validator of django-oauth-toolkit with JWT access tokens, hashed secrets and stricter grants."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.utils import scope_to_list

from tenants.contrib.oauth.issuer import issuer
from tenants.contrib.oauth.lifetimes import access_token_lifetime, id_token_lifetime
from tenants.contrib.oauth.models import AccessToken, Grant, RefreshToken
from tenants.contrib.oauth.scopes import TenantScopes
from tenants.contrib.oauth.secrets import check_secret, new_secret
from tenants.contrib.oauth.tokens import create_access_token, sign_token

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_NONCE = 255


def make_access_token(request: Request) -> str:
    """`ACCESS_TOKEN_GENERATOR`. Keeps the id of the token in the request."""
    request.access_token_jti = uuid.uuid4()
    user = None if request.grant_type == "client_credentials" else request.user
    return create_access_token(
        request.access_token_jti,
        client_id=request.client.client_id,
        user_id=None if user is None else user.pk,
        scopes=request.scopes,
        lifetime=access_token_lifetime(),
    )


def make_refresh_token(request: Request) -> str:
    """`REFRESH_TOKEN_GENERATOR`."""
    return new_secret("sangga_rt_")


class Validator(OAuth2Validator):
    """`OAUTH2_VALIDATOR_CLASS`."""

    def _extract_basic_auth(self, request: Request) -> str | None:
        # The scheme is case-insensitive (RFC 9110, 11.1).
        scheme, _, credentials = (request.headers.get("HTTP_AUTHORIZATION") or "").partition(" ")
        return credentials if scheme.lower() == "basic" else None

    def _authenticate_basic_auth(self, request: Request) -> bool:
        try:
            return bool(super()._authenticate_basic_auth(request))
        except ValueError:  # not Base64
            return False

    def _load_application(self, client_id: str | None, request: Request) -> Any:
        # A header can contain an encoded NUL, which PostgreSQL does not store.
        client_id = client_id and client_id.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return super()._load_application(client_id, request)

    # Without the parameter `request`, so that discovery can list the claims.
    def get_additional_claims(self) -> dict[str, Any]:
        """Return the claims about a user; each is included only for its scope."""
        return {
            "name": lambda request: request.user.get_full_name() or request.user.get_username(),
            "preferred_username": lambda request: request.user.get_username(),
            "email": lambda request: getattr(request.user, get_user_model().get_email_field_name(), ""),
        }

    def get_oidc_issuer_endpoint(self, request: Request) -> str:
        """Return the issuer by the registered host, not by the Host header."""
        return issuer()

    def finalize_id_token(self, id_token: dict[str, Any], token: Any, token_handler: Any, request: Request) -> str:
        """Sign an ID token with the tenant's key. It is not stored, since nothing here accepts one."""
        claims, _ = self.get_id_token_dictionary(token, token_handler, request)
        if request.nonce:
            claims["nonce"] = request.nonce
        return sign_token({**id_token, **claims}, typ="JWT", lifetime=id_token_lifetime())

    def validate_code(self, client_id: str, code: str, client: Any, request: Request, *args: Any, **kw: Any) -> bool:
        """Also refuse used codes, and codes of inactive users.

        The second use of a code revokes the tokens of the first one (RFC 6749, 4.1.2).
        """
        if not super().validate_code(client_id, code, client, request, *args, **kw):
            return False
        family = Grant.objects.values_list("family", flat=True).get(code=code, application=client)
        if family is not None:
            RefreshToken.revoke_family(family)
        return bool(family is None and request.user.is_active)

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: Any, **kw: Any) -> None:
        """Do nothing: `save_bearer_token` does it."""

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kw: Any) -> None:
        """Store the tokens and use up the code or refresh token in one transaction.

        Of several requests with the same code or refresh token at once, one succeeds.
        """
        with transaction.atomic():
            used = self._locked(request)
            if used is not None or request.grant_type == "client_credentials":
                self._save_bearer_token(token, request, *args, **kw)
                if isinstance(used, Grant):
                    refresh_tokens = RefreshToken.objects.filter(access_token__jti=request.access_token_jti)
                    used.family = refresh_tokens.values_list("token_family", flat=True).get()
                    used.save(update_fields=["family"])
                return
        if request.grant_type == "refresh_token":
            RefreshToken.revoke_family(request.refresh_token_instance.token_family)
        raise errors.InvalidGrantError(request=request)

    def _locked(self, request: Request) -> Grant | RefreshToken | None:
        """Return the locked row of the code or refresh token; None if another request has used it."""
        found: Grant | RefreshToken | None = None
        if request.grant_type == "authorization_code":
            grants = Grant.objects.filter(code=request.code, application=request.client, family=None)
            found = grants.select_for_update().first()
        elif request.grant_type == "refresh_token":
            tokens = RefreshToken.objects.filter(pk=request.refresh_token_instance.pk, revoked=None)
            found = tokens.select_for_update().first()
        return found

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Request, *args: Any, **kw: Any) -> bool:
        """Also refuse tokens of inactive users."""
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **kw)
        return bool(valid and request.user.is_active)

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kw: Any) -> str:
        """Return the scopes of a token that its client may still request. Raises `invalid_scope` if none is left."""
        given = scope_to_list(super().get_original_scopes(refresh_token, request, *args, **kw))
        allowed = TenantScopes().get_available_scopes(request.client)
        kept = [scope for scope in given if scope in allowed]
        if given and not kept:
            raise errors.InvalidScopeError(
                description="The client may no longer request any of these scopes.", request=request
            )
        if request.scope:
            # A client that repeats the former scopes gets those that are left.
            requested = scope_to_list(request.scope)
            request.scope = " ".join(scope for scope in requested if scope in kept or scope not in given) or None
        return " ".join(kept)

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return check_secret(provided_secret, stored_secret)

    def _validate_resource_uris(self, request: Request, resources: Iterable[str]) -> None:
        # RFC 8707: the only resource server is the tenant itself.
        for resource in resources:
            if resource.rstrip("/") != issuer():
                raise errors.CustomOAuth2Error(
                    error="invalid_target", description=f"The only resource here is {issuer()}.", request=request
                )

    def _create_authorization_code(self, request: Request, code: dict[str, str], expires: Any = None) -> Grant:
        # oauthlib does not check these; they would fail in the database or at the exchange.
        if not _CHALLENGE.fullmatch(request.code_challenge or ""):
            raise errors.InvalidRequestError(description="code_challenge must have 43 characters.", request=request)
        if len(request.nonce or "") > _MAX_NONCE:
            raise errors.InvalidRequestError(description="nonce is too long.", request=request)
        self._validate_resource_uris(request, getattr(request, "resource", None) or [])
        grant: Grant = super()._create_authorization_code(request, code, expires)
        return grant

    def _create_access_token(
        self, expires: Any, request: Request, token: dict[str, Any], source_refresh_token: RefreshToken | None = None
    ) -> AccessToken:
        row = AccessToken(
            user=request.user,
            scope=token["scope"],
            expires=expires,
            application=request.client,
            source_refresh_token=source_refresh_token,
            resource=getattr(request, "resource", []),
            jti=request.access_token_jti,
        )
        self._set_token_value(row, token["access_token"])
        row.save()
        return row

    def _load_id_token(self, token: str) -> None:
        """Return None: ID tokens are not stored."""
