"""Third-party client (authlib): gets tokens by discovery and verifies them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.integrations.base_client import OAuthError
from joserfc import jwt
from joserfc.jwk import KeySet

from tenants import use_tenant
from tenants.contrib.oauth.models import AccessToken, Application, RefreshToken
from tenants.lifecycle import add_domain
from tenants.registry.lookup import registry, tenant_by_slug
from tests.tenants.contrib.oauth.conftest import CALLBACK, Consent, Shop, give_consent
from tests.tenants.contrib.oauth.third_party import client, http


def _discover(shop: Shop, document: str = "openid-configuration") -> dict[str, Any]:
    return http().get(f"{shop.address}/.well-known/{document}").json()


def _validated(shop: Shop, token: str) -> Any:
    """Return the claims of a token that is verified by discovery alone."""
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


def test_what_a_client_may_ask_for_no_more_is_not_in_what_it_refreshes(
    shop: Shop, consent: Callable[..., Consent]
) -> None:
    done = consent(shop)
    endpoint = _discover(shop)["token_endpoint"]

    def refreshed(scopes: str) -> dict[str, Any]:
        with use_tenant(shop.tenant):
            Application.objects.filter(client_id=done.registered.id).update(scopes=scopes)
        return dict(done.session.refresh_token(endpoint, refresh_token=done.session.token["refresh_token"]))

    fewer = refreshed("openid customers:read")
    assert fewer["scope"] == "openid"
    assert _validated(shop, fewer["access_token"]).claims["scope"] == "openid"
    with pytest.raises(OAuthError, match="invalid_scope"):
        refreshed("customers:read")


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


def test_of_many_uses_of_one_refresh_token_at_once_one_gets_something(
    shop: Shop, consent: Callable[..., Consent]
) -> None:
    done = consent(shop)
    body = {
        "grant_type": "refresh_token",
        "refresh_token": done.token["refresh_token"],
        "client_id": done.registered.id,
        "client_secret": done.registered.secret,
    }
    barrier = Barrier(6)

    def use(_: int) -> int:
        barrier.wait(180)
        return http().post(f"{shop.address}/oauth/token", data=body).status_code

    with ThreadPoolExecutor(6) as threads:
        answers = Counter(threads.map(use, range(6)))
    assert answers == {200: 1, 400: 5}
    with use_tenant(shop.tenant):  # and the rest were taken for theft
        assert not RefreshToken.objects.filter(revoked=None).exists()
        assert not AccessToken.objects.filter(user__isnull=False).exists()


def test_of_many_uses_of_one_code_at_once_one_gets_something(shop: Shop) -> None:
    registered = shop.client()
    session = client(client_id=registered.id, redirect_uri=CALLBACK, code_challenge_method="S256", scope="goods:read")
    address, _ = session.create_authorization_url(_discover(shop)["authorization_endpoint"], code_verifier="v" * 64)
    body = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(give_consent(address)).query)["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": "v" * 64,
        "client_id": registered.id,
        "client_secret": registered.secret,
    }
    barrier = Barrier(6)

    def use(_: int) -> int:
        barrier.wait(180)
        return http().post(f"{shop.address}/oauth/token", data=body).status_code

    with ThreadPoolExecutor(6) as threads:
        answers = Counter(threads.map(use, range(6)))
    assert answers == {200: 1, 400: 5}
    with use_tenant(shop.tenant):  # and the rest were taken for theft
        assert not RefreshToken.objects.filter(revoked=None).exists()
        assert not AccessToken.objects.exists()


def test_a_shop_with_a_domain_of_its_own_is_that_issuer(shop: Shop) -> None:
    port = urlsplit(shop.address).port
    add_domain(shop.tenant.slug, "mugs.example", primary=True)
    registry.clear()
    moved = Shop(tenant_by_slug(shop.tenant.slug), f"http://mugs.example:{port}")
    assert _discover(moved)["issuer"] == moved.address
    answer = http().get(f"{shop.address}/.well-known/openid-configuration", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (
        308,
        f"{moved.address}/.well-known/openid-configuration",
    )


def _protected(shop: Shop, token: str) -> int:
    return http().get(f"{shop.address}/api/protected", headers={"Authorization": f"Bearer {token}"}).status_code
