"""What the grants of django-oauth-toolkit do otherwise here: JWTs, secrets kept as digests, one way to be safe each."""

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
_LONGEST_NONCE = 255


def make_access_token(request: Request) -> str:
    """Return the access token for a grant: `ACCESS_TOKEN_GENERATOR`. Its id goes along with the request."""
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
    """Return a refresh token: `REFRESH_TOKEN_GENERATOR`."""
    return new_secret("sangga_rt_")


class Validator(OAuth2Validator):
    """`OAUTH2_VALIDATOR_CLASS`."""

    def _extract_basic_auth(self, request: Request) -> str | None:
        # The name of a scheme is in any case (RFC 9110, 11.1).
        scheme, _, credentials = (request.headers.get("HTTP_AUTHORIZATION") or "").partition(" ")
        return credentials if scheme.lower() == "basic" else None

    def _authenticate_basic_auth(self, request: Request) -> bool:
        try:
            return bool(super()._authenticate_basic_auth(request))
        except ValueError:  # letters in it that base64 has not
            return False

    def _load_application(self, client_id: str | None, request: Request) -> Any:
        # A header can spell a NUL, which PostgreSQL does not take.
        client_id = client_id and client_id.replace("\0", "\N{REPLACEMENT CHARACTER}")
        return super()._load_application(client_id, request)

    # Without a parameter, so that discovery can name them: claims are made from the request when they are asked for.
    def get_additional_claims(self) -> dict[str, Any]:
        """Return what OpenID Connect says of a user, each of which is given only to the scope that it belongs to."""
        return {
            "name": lambda request: request.user.get_full_name() or request.user.get_username(),
            "preferred_username": lambda request: request.user.get_username(),
            "email": lambda request: getattr(request.user, get_user_model().get_email_field_name(), ""),
        }

    def get_oidc_issuer_endpoint(self, request: Request) -> str:
        """Return the issuer, which is made from the registered host and not from the request's."""
        return issuer()

    def finalize_id_token(self, id_token: dict[str, Any], token: Any, token_handler: Any, request: Request) -> str:
        """Sign an identity token with the tenant's key. It is not written down: nothing here takes one in."""
        claims, _ = self.get_id_token_dictionary(token, token_handler, request)
        if request.nonce:
            claims["nonce"] = request.nonce
        return sign_token({**id_token, **claims}, typ="JWT", lifetime=id_token_lifetime())

    def validate_code(self, client_id: str, code: str, client: Any, request: Request, *args: Any, **kw: Any) -> bool:
        """Refuse, beside what is refused anyway, a code that was used, and one of somebody who was switched off since.

        With the second use of a code, what came of the first is void: one of the two has stolen it (RFC 6749, 4.1.2).
        """
        if not super().validate_code(client_id, code, client, request, *args, **kw):
            return False
        family = Grant.objects.values_list("family", flat=True).get(code=code, application=client)
        if family is not None:
            RefreshToken.revoke_family(family)
        return bool(family is None and request.user.is_active)

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: Any, **kw: Any) -> None:
        """Do nothing: `save_bearer_token` has."""

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kw: Any) -> None:
        """Write down what is given out, and in the same transaction use up what it is given for.

        Of several who come with the same code or refresh token at once, one gets something.
        """
        with transaction.atomic():
            spent = self._locked(request)
            if spent is not None or request.grant_type == "client_credentials":
                self._save_bearer_token(token, request, *args, **kw)
                if isinstance(spent, Grant):
                    came_of_it = RefreshToken.objects.filter(access_token__jti=request.access_token_jti)
                    spent.family = came_of_it.values_list("token_family", flat=True).get()
                    spent.save(update_fields=["family"])
                return
        if request.grant_type == "refresh_token":
            RefreshToken.revoke_family(request.refresh_token_instance.token_family)
        raise errors.InvalidGrantError(request=request)

    def _locked(self, request: Request) -> Grant | RefreshToken | None:
        """Return the row of what a client came with, locked; None if somebody was quicker."""
        found: Grant | RefreshToken | None = None
        if request.grant_type == "authorization_code":
            grants = Grant.objects.filter(code=request.code, application=request.client, family=None)
            found = grants.select_for_update().first()
        elif request.grant_type == "refresh_token":
            tokens = RefreshToken.objects.filter(pk=request.refresh_token_instance.pk, revoked=None)
            found = tokens.select_for_update().first()
        return found

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Request, *args: Any, **kw: Any) -> bool:
        """Refuse, beside what is refused anyway, a token of somebody who has been switched off since."""
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **kw)
        return bool(valid and request.user.is_active)

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kw: Any) -> str:
        """Return what a token was given for, as far as its client may ask for that today. Raises `invalid_scope`."""
        given = scope_to_list(super().get_original_scopes(refresh_token, request, *args, **kw))
        allowed = TenantScopes().get_available_scopes(request.client)
        kept = [scope for scope in given if scope in allowed]
        if given and not kept:
            raise errors.InvalidScopeError(description="The client may ask for none of it any more.", request=request)
        if request.scope:
            # A client that names what it had, and has not heard that it may no more, goes on with what is left.
            asked = scope_to_list(request.scope)
            request.scope = " ".join(scope for scope in asked if scope in kept or scope not in given) or None
        return " ".join(kept)

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return check_secret(provided_secret, stored_secret)

    def _validate_resource_uris(self, request: Request, resources: Iterable[str]) -> None:
        # The one resource server that tokens are for is the tenant itself (RFC 8707 lets clients say so).
        for resource in resources:
            if resource.rstrip("/") != issuer():
                raise errors.CustomOAuth2Error(
                    error="invalid_target", description=f"Tokens of this shop are good for {issuer()}.", request=request
                )

    def _create_authorization_code(self, request: Request, code: dict[str, str], expires: Any = None) -> Grant:
        # oauthlib takes what a client sends as it is, and it would fail in the database, or later at the exchange.
        if not _CHALLENGE.fullmatch(request.code_challenge or ""):
            raise errors.InvalidRequestError(
                description="The code_challenge of S256 has 43 characters.", request=request
            )
        if len(request.nonce or "") > _LONGEST_NONCE:
            raise errors.InvalidRequestError(description="The nonce is too long.", request=request)
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
        """Find nothing: identity tokens are not written down."""
