"""A stranger's client, which knows a shop by its address alone, gets tokens there and verifies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.integrations.base_client import OAuthError
from joserfc import jwt
from joserfc.jwk import KeySet

from tenants.oauth.models import Application
from tests.tenants.oauth.conftest import Consent, Shop
from tests.tenants.oauth.stranger import client, http


def _discover(shop: Shop, document: str = "openid-configuration") -> dict[str, Any]:
    return http().get(f"{shop.address}/.well-known/{document}").json()


def _validated(shop: Shop, token: str) -> Any:
    """Return a token that is verified with what discovery says, and nothing else."""
    server = _discover(shop)
    assert server["issuer"] == shop.address
    keys = KeySet.import_key_set(http().get(server["jwks_uri"]).json())
    return jwt.decode(token, keys, algorithms=server["id_token_signing_alg_values_supported"])


def test_a_code_with_pkce_becomes_tokens_that_validate(shop: Shop, consent: Callable[..., Consent]) -> None:
    done = consent(shop)
    access, identity = _validated(shop, done.token["access_token"]), _validated(shop, done.token["id_token"])
    assert access.claims["iss"] == access.claims["aud"] == identity.claims["iss"] == shop.address
    assert access.claims["scope"].split() == ["openid", "profile", "goods:read"]
    assert access.header["typ"] == "at+jwt"
    assert (identity.claims["aud"], identity.claims["nonce"]) == (done.registered.id, "n-0S6")
    assert identity.claims["name"] == "Min-su Kim"
    assert "email" not in identity.claims
    assert parse_qs(urlsplit(done.redirect).query)["iss"] == [shop.address]
    userinfo = done.session.get(_discover(shop)["userinfo_endpoint"]).json()
    assert userinfo == {"sub": access.claims["sub"], "name": "Min-su Kim", "preferred_username": "kim"}
    assert done.session.get(f"{shop.address}/api/protected").json()["username"] == "kim"


def test_a_client_without_a_secret_does_it_too(shop: Shop, consent: Callable[..., Consent]) -> None:
    done = consent(shop, client_type=Application.CLIENT_PUBLIC)
    assert _validated(shop, done.token["access_token"]).claims["client_id"] == done.registered.id


def test_both_documents_say_the_same(shop: Shop) -> None:
    assert _discover(shop) == _discover(shop, "oauth-authorization-server")


def test_a_client_acts_for_itself(shop: Shop) -> None:
    registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
    session = client(client_id=registered.id, client_secret=registered.secret, scope="goods:read")
    token = session.fetch_token(_discover(shop)["token_endpoint"], grant_type="client_credentials")
    assert "refresh_token" not in token
    claims = _validated(shop, token["access_token"]).claims
    assert claims["sub"] == claims["client_id"] == registered.id
    assert session.get(f"{shop.address}/api/v1/goods").status_code == 200


def test_a_refresh_token_is_used_once_and_a_second_use_ends_the_family(
    shop: Shop, consent: Callable[..., Consent]
) -> None:
    done = consent(shop)
    server, first = _discover(shop), dict(done.token)
    second = dict(done.session.refresh_token(server["token_endpoint"], refresh_token=first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    assert _protected(shop, second["access_token"]) == 200
    assert _protected(shop, first["access_token"]) == 401  # it went with the refresh token
    with pytest.raises(OAuthError, match="invalid_grant"):
        done.session.refresh_token(server["token_endpoint"], refresh_token=first["refresh_token"])
    with pytest.raises(OAuthError, match="invalid_grant"):
        done.session.refresh_token(server["token_endpoint"], refresh_token=second["refresh_token"])
    assert _protected(shop, second["access_token"]) == 401


def test_a_revoked_token_is_void_and_introspection_says_so(shop: Shop, consent: Callable[..., Consent]) -> None:
    done, server = consent(shop), _discover(shop)
    about = done.session.introspect_token(server["introspection_endpoint"], token=done.token["access_token"]).json()
    assert about["active"]
    assert (about["client_id"], about["username"], about["iss"]) == (done.registered.id, "kim", shop.address)
    answer = done.session.revoke_token(server["revocation_endpoint"], token=done.token["access_token"])
    assert answer.status_code == 200
    about = done.session.introspect_token(server["introspection_endpoint"], token=done.token["access_token"]).json()
    assert about == {"active": False}
    assert _protected(shop, done.token["access_token"]) == 401
    with pytest.raises(OAuthError, match="invalid_grant"):
        done.session.refresh_token(server["token_endpoint"], refresh_token=done.token["refresh_token"])


def _protected(shop: Shop, token: str) -> int:
    return http().get(f"{shop.address}/api/protected", headers={"Authorization": f"Bearer {token}"}).status_code
