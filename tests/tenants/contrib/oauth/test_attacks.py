"""Attacks with forged or stolen tokens, codes and clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.contrib.auth.models import User
from joserfc import jwt
from joserfc.jwk import ECKey

from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.errors import InvalidToken
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.keys import rotate_key, signing_pair
from tenants.contrib.oauth.models import Application, SigningKey
from tenants.contrib.oauth.tokens import TYPE, create_access_token, sign_token, verify_token
from tests.tenants.contrib.oauth.conftest import CALLBACK, PASSWORD, Consent, Shop, give_consent
from tests.tenants.contrib.oauth.third_party import Browser, client, http

HOUR = timedelta(hours=1)
WRONG_SIGNATURE = "Invalid signature."
UNKNOWN_KEY = "Unknown signing key."


def _token(lifetime: timedelta = HOUR, **claims: Any) -> str:
    return create_access_token(uuid.uuid4(), client_id="c", user_id=5, scopes=["goods:read"], lifetime=lifetime)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    header, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(claims), signature


def _joined(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    parts = json.dumps(header).encode(), json.dumps(claims).encode(), signature
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _refusal(token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        verify_token(token, key_cache.get())
    return refused.value.reason


@pytest.fixture
def in_acme(acme: TenantInfo) -> Any:
    with use_tenant(acme):
        yield acme


class TestTheAlgorithm:
    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, "HS256", "RS256", "ES384", "EdDSA"])
    def test_no_other_is_taken(self, in_acme: TenantInfo, alg: str | None) -> None:
        header, claims, signature = _parts(_token())
        for forged in (b"", signature):
            assert "alg ES256" in _refusal(_joined({**header, "alg": alg}, claims, forged))

    def test_a_public_key_is_no_secret_to_sign_with(self, in_acme: TenantInfo) -> None:
        header, claims, _ = _parts(_token())
        public = SigningKey.objects.get(retired=None).public
        for secret in (json.dumps(public).encode(), ECKey.import_key(public).as_pem(private=False)):
            for alg, reason in (("HS256", "alg ES256"), ("ES256", WRONG_SIGNATURE)):
                unsigned = _joined({**header, "alg": alg}, claims, b"").rstrip(".")
                signature = hmac.digest(secret, unsigned.encode(), hashlib.sha256)
                forged = f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
                assert reason in _refusal(forged)

    def test_no_signature_is_none(self, in_acme: TenantInfo) -> None:
        header, claims, _ = _parts(_token())
        for signature in (b"", b"\0" * 64, b"x" * 64, b"\0" * 63):
            assert _refusal(_joined(header, claims, signature)) == WRONG_SIGNATURE


class TestTheKeyId:
    @pytest.mark.parametrize(
        "kid",
        [
            "../../../../dev/null",
            "' OR 1=1 --",
            "'; DROP TABLE oauth_signingkey; --",
            "",
            "\0",
            "x" * 4000,
            None,
            5,
            [],
            {},
        ],
    )
    def test_it_is_looked_up_and_nothing_else(self, in_acme: TenantInfo, kid: Any) -> None:
        header, claims, signature = _parts(_token())
        assert _refusal(_joined({**header, "kid": kid}, claims, signature)) == UNKNOWN_KEY

    def test_a_key_that_a_token_brings_along_is_not_looked_at(self, in_acme: TenantInfo) -> None:
        header, claims, _ = _parts(_token())
        own = ECKey.generate_key("P-256")
        brought = {"jwk": own.as_dict(private=False), "jku": "https://evil.example/jwks", "x5u": "https://evil.example"}
        for kid, reason in ((header["kid"], WRONG_SIGNATURE), (own.thumbprint(), UNKNOWN_KEY)):
            forged = jwt.encode({**header, "kid": kid, **brought}, claims, own, algorithms=["ES256"])
            assert _refusal(forged) == reason

    def test_another_shops_key_is_unknown(self, acme: TenantInfo, globex: TenantInfo) -> None:
        with use_tenant(globex):
            theirs = signing_pair()
        with use_tenant(acme):
            _, claims, _ = _parts(_token())
            header = {"alg": "ES256", "typ": TYPE, "kid": theirs.kid}
            assert _refusal(jwt.encode(header, claims, theirs.key)) == UNKNOWN_KEY


class TestTheClaims:
    def test_an_expired_token_is_void_at_that_second(self, in_acme: TenantInfo) -> None:
        assert _refusal(_token(timedelta(0))) == "Token expired."
        assert _refusal(_token(-HOUR)) == "Token expired."

    def test_changed_claims_do_not_fit_the_signature(self, in_acme: TenantInfo) -> None:
        header, claims, signature = _parts(_token())
        for change in ({"sub": "1"}, {"scope": "goods:write"}, {"exp": claims["exp"] + 9999}, {"jti": "a" * 32}):
            assert _refusal(_joined(header, {**claims, **change}, signature)) == WRONG_SIGNATURE

    def test_an_identity_token_is_no_access_token(self, in_acme: TenantInfo) -> None:
        said = {"aud": "c", "sub": "5", "client_id": "c", "scope": "goods:read", "jti": "a" * 32}
        assert "Not an access token" in _refusal(sign_token(said, typ="JWT", lifetime=HOUR))

    def test_token_from_the_future_is_refused_beyond_a_small_clock_skew(self, in_acme: TenantInfo) -> None:
        now, base = int(time.time()), _parts(_token())[1]
        pair = signing_pair()
        header = {"alg": "ES256", "typ": TYPE, "kid": pair.kid}
        ahead = jwt.encode(header, {**base, "iat": now + 5}, pair.key)
        assert verify_token(ahead, key_cache.get()).issued == now + 5
        assert "in the future" in _refusal(jwt.encode(header, {**base, "iat": now + 600}, pair.key))

    @pytest.mark.parametrize(
        "rubbish",
        [
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            "null.null.null",
            "e30.e30.",
            "e30.e30.e30",
            "W10.W10.",
            "🔑.🔑.🔑",
            "x" * 100_000,
        ],
    )
    def test_rubbish_is_refused(self, in_acme: TenantInfo, rubbish: str) -> None:
        assert _refusal(rubbish)

    def test_depth_and_length_are_no_way_to_hurt(self, in_acme: TenantInfo) -> None:
        deep = base64.urlsafe_b64encode(b"[" * 3000).decode()
        assert _refusal(f"{deep}.{deep}.") == "The token was not issued by this shop."


def test_the_second_half_of_a_signature_is_no_way_around_revoking(in_acme: TenantInfo) -> None:
    """Each ECDSA signature has a second valid form; revocation must cover both."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    token = _token()
    header, claims, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    mirrored = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    twin = f"{header}.{claims}.{base64.urlsafe_b64encode(mirrored).decode().rstrip('=')}"
    assert twin != token
    keys = key_cache.get()
    jti = verify_token(twin, keys).jti  # good, as its twin is
    keys.revoked.add(jti)
    assert _refusal(twin) == _refusal(token) == "Token revoked."


class TestKeysChange:
    def test_what_the_former_key_signed_stays_good_for_a_while(self, in_acme: TenantInfo) -> None:
        before = _token()
        kid = rotate_key()
        key_cache.clear()
        after = _token()
        assert _parts(after)[0]["kid"] == kid != _parts(before)[0]["kid"]
        assert {key["kid"] for key in key_cache.get().jwks} == {_parts(before)[0]["kid"], kid}
        verify_token(before, key_cache.get()), verify_token(after, key_cache.get())

    def test_at_once_nothing_that_the_former_one_signed_is_good(self, in_acme: TenantInfo) -> None:
        before = _token()
        rotate_key(at_once=True)
        key_cache.clear()
        assert _refusal(before) == UNKNOWN_KEY

    def test_private_keys_are_sealed(self, acme: TenantInfo, globex: TenantInfo) -> None:
        with use_tenant(acme):
            row, pair = SigningKey.objects.get(retired=None), signing_pair()
            secret = base64.urlsafe_b64decode(pair.key.as_dict(private=True)["d"] + "==")
            assert secret not in bytes(row.private)
            assert pair.key.as_dict(private=True)["d"].encode() not in bytes(row.private)
            kid, generation, public, private = row.kid, row.generation, row.public, bytes(row.private)
        with use_tenant(globex):
            SigningKey.objects.all().delete()
            SigningKey.objects.create(kid=kid, generation=generation, public=public, private=private)
            assert signing_pair().kid != kid  # of another generation: as if it were not there


@pytest.fixture
def two(open_served: Callable[..., Shop]) -> tuple[Shop, Shop]:
    return open_served(), open_served()


def _code_of(redirect: str) -> str:
    return parse_qs(urlsplit(redirect).query)["code"][0]


def _exchange(shop: Shop, registered: Any, code: str, verifier: str = "v" * 64, **more: str) -> Any:
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
        "client_id": registered.id,
        **({"client_secret": registered.secret} if registered.secret else {}),
        **more,
    }
    return http().post(f"{shop.address}/oauth/token", data=body)


def _asked(shop: Shop, registered: Any, **change: str | None) -> str:
    """Return the URL of a changed authorization request; None removes a parameter."""
    query: dict[str, str | None] = {
        "response_type": "code",
        "client_id": registered.id,
        "redirect_uri": CALLBACK,
        "scope": "goods:read",
        "state": "s",
        "code_challenge": "sOyDPkUlZ0k-w3tpXRC2WGEB9pOXLgP9a43AbuBlWts",
        "code_challenge_method": "S256",
        **change,
    }
    pairs = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items() if value is not None)
    return f"{shop.address}/oauth/authorize?{pairs}"


class TestCodes:
    def test_a_code_is_good_once_and_a_second_use_ends_what_came_of_the_first(
        self, shop: Shop, consent: Callable[..., Consent]
    ) -> None:
        done = consent(shop)
        assert done.session.get(f"{shop.address}/api/protected").status_code == 200
        again = _exchange(shop, done.registered, _code_of(done.redirect))
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert done.session.get(f"{shop.address}/api/protected").status_code == 401

    def test_another_client_and_another_shop_get_nothing_for_it(self, two: tuple[Shop, Shop]) -> None:
        shop, other = two
        registered, stranger = shop.client(), shop.client(name="Stranger")
        challenge = {"code_challenge": _challenge("v" * 64)}
        code = _code_of(give_consent(_asked(shop, registered, **challenge)))
        assert _exchange(shop, stranger, code).json()["error"] == "invalid_grant"
        with use_tenant(other.tenant):  # the same id and secret there
            row = Application.objects.create(
                client_id=registered.id, name="Twin", client_type="confidential", scopes="goods:read",
                authorization_grant_type="authorization-code", redirect_uris=CALLBACK,
            )  # fmt: skip
            twin = type(registered)(row.client_id, row.renew_secret())
            row.save()
        assert _exchange(other, twin, code).json()["error"] == "invalid_grant"
        assert _exchange(shop, registered, code).status_code == 200

    def test_without_its_verifier_it_is_worth_nothing(self, shop: Shop) -> None:
        registered, challenge = shop.client(), _challenge("v" * 64)
        for verifier in ("w" * 64, "", challenge):
            code = _code_of(give_consent(_asked(shop, registered, code_challenge=challenge)))
            assert _exchange(shop, registered, code, verifier).status_code == 400

    def test_another_redirect_uri_at_the_exchange_is_refused(self, shop: Shop) -> None:
        registered = shop.client(redirect_uris=f"{CALLBACK} https://app.example/other")
        code = _code_of(give_consent(_asked(shop, registered, code_challenge=_challenge("v" * 64))))
        answer = _exchange(shop, registered, code, redirect_uri="https://app.example/other")
        assert answer.status_code == 400

    def test_a_code_of_a_user_who_was_switched_off_meanwhile_is_void(self, shop: Shop) -> None:
        registered = shop.client()
        code = _code_of(give_consent(_asked(shop, registered, code_challenge=_challenge("v" * 64))))
        with use_tenant(shop.tenant):
            User.objects.filter(username="kim").update(is_active=False)
        assert _exchange(shop, registered, code).json()["error"] == "invalid_grant"


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Asking:
    """A user at the consent page."""

    def __init__(self, shop: Shop, **facts: Any) -> None:
        self.shop, self.registered, self.browser = shop, shop.client(**facts), Browser()
        question = self.browser.follow(self.browser.go(_asked(shop, self.registered)))
        self.page = self.browser.sign_in(question, "kim", PASSWORD)

    def go(self, **change: str | None) -> Any:
        """Open another authorization request."""
        return self.browser.go(_asked(self.shop, self.registered, **change))

    def submit(self, **fields: str | None) -> Any:
        """Send the consent form that was shown first."""
        return self.browser.submit(self.page, **fields)


@pytest.fixture
def asking(shop: Shop) -> Asking:
    return Asking(shop)


ELSEWHERE = [
    "https://evil.example/callback",
    "https://app.example/callback/",
    "https://app.example/callback/../evil",
    "https://app.example/callback?next=https://evil.example",
    "https://app.example/callback#",
    "https://app.example@evil.example/callback",
    "https://user@app.example/callback",
    "https://app.example.evil.example/callback",
    "https://app.example:444/callback",
    "http://app.example/callback",
    "javascript:alert(1)",
    "//app.example/callback",
    "https://app.example/callback\r\nX: y",
    "",
]
WEAK: list[dict[str, str | None]] = [
    {"code_challenge": None, "code_challenge_method": None},
    {"code_challenge_method": "plain"},
    {"code_challenge_method": None},
    {"code_challenge": ""},
    {"code_challenge": "short"},
    {"code_challenge_method": "S512"},
]
ODD_REQUESTS = [
    {"client_id": "nobody"},
    {"client_id": "a\0b"},
    {"state": "\0"},
    {"nonce": "n" * 300, "scope": "openid"},
    {"claims": "{", "scope": "openid"},
    {"claims": "[1]", "scope": "openid"},
    {"resource": "https://evil.example"},
    {"resource": "https://evil.example/%00"},
    {"scope": "x" * 5000},
    {"prompt": "create"},
    {"prompt": "\0"},
    {"ui_locales": "ko en"},
    {"max_age": "soon", "scope": "openid"},
    {"id_token_hint": "rubbish", "scope": "openid"},
]


class TestTheRequestForACode:
    def test_unregistered_redirect_uri_is_refused(self, asking: Asking) -> None:
        for uri in ELSEWHERE:
            answer = asking.go(redirect_uri=uri)
            assert answer.status_code == 400, uri
            assert "Location" not in answer.headers, uri
            # Nor by a form that was changed after it had been shown.
            led = asking.submit(redirect_uri=uri, allow="true").headers.get("Location", "")
            assert "code=" not in led, uri
            assert "evil" not in urlsplit(led).netloc, uri

    @pytest.mark.parametrize("kind", [Application.CLIENT_CONFIDENTIAL, Application.CLIENT_PUBLIC])
    def test_pkce_cannot_be_left_out_or_weakened(self, shop: Shop, kind: str) -> None:
        asking = Asking(shop, client_type=kind)
        for change in WEAK:
            answer = asking.go(**change)
            if answer.status_code == 200:  # shown, and refused when it is agreed to
                answer = asking.browser.submit(answer, allow="true")
            assert "error=invalid_request" in answer.headers["Location"], change
            led = asking.submit(allow="true", **change).headers["Location"]
            if "code=" in led:  # what the form leaves out, its address still says
                assert _exchange(shop, asking.registered, _code_of(led), "").status_code == 400
            else:
                assert "error=invalid_request" in led, change

    def test_no_more_than_is_registered_can_be_asked_for(self, asking: Asking) -> None:
        for scope in ("customers:read", "goods:read customers:write", "nonsense", "goods:*"):
            assert "error=invalid_scope" in asking.go(scope=scope).headers["Location"]
            assert "error=invalid_scope" in asking.submit(allow="true", scope=scope).headers["Location"]

    def test_tokens_come_through_no_browser(self, asking: Asking) -> None:
        for kind in ("token", "id_token", "id_token token", "code token", "code id_token", "none"):
            answer = asking.go(response_type=kind)
            assert "token=" not in answer.headers.get("Location", "") + answer.text, kind
            assert "error=" in answer.headers.get("Location", "error="), kind

    def test_refusing_gives_nothing(self, asking: Asking) -> None:
        answer = asking.submit()
        assert "error=access_denied" in answer.headers["Location"]
        assert "code=" not in answer.headers["Location"]

    def test_another_site_cannot_consent_for_a_user(self, asking: Asking) -> None:
        forged = asking.submit(allow="true", csrfmiddlewaretoken=None)
        assert forged.status_code == 303  # as a request by POST: it is asked about like one by GET
        assert urlsplit(forged.headers["Location"]).path == "/oauth/authorize"
        assert asking.submit(allow="true", csrfmiddlewaretoken="x" * 64).status_code == 403

    def test_nothing_that_is_asked_makes_the_server_fail(self, asking: Asking) -> None:
        for change in ODD_REQUESTS:
            answer = asking.go(**change)
            assert answer.status_code < 500, change
            if answer.status_code == 200:
                assert asking.browser.submit(answer, allow="true").status_code < 500, change
            fields = {key: value for key, value in change.items() if key not in {"prompt", "ui_locales"}}
            assert asking.submit(allow="true", **fields).status_code < 500, change


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
REFUSED = [
    {},
    {"grant_type": "password", "username": "kim", "password": PASSWORD},
    {"grant_type": "implicit"},
    {"grant_type": DEVICE},
    {"grant_type": DEVICE, "device_code": "x"},
    {"grant_type": "client_credentials"},
    {"grant_type": "authorization_code"},
    {"grant_type": "authorization_code", "code": "\0"},
    {"grant_type": "refresh_token", "refresh_token": "nonsense"},
    {"grant_type": "client_credentials", "scope": "customers:read"},
    {"grant_type": "client_credentials", "resource": "https://evil.example"},
]


class TestTheTokenEndpoint:
    def test_what_it_does_not_know_it_refuses_with_a_word(self, shop: Shop) -> None:
        for registered in (shop.client(), shop.client(client_type=Application.CLIENT_PUBLIC)):
            for body in REFUSED:
                sent = {**body, "client_id": registered.id, "client_secret": registered.secret}
                answer = http().post(f"{shop.address}/oauth/token", data=sent)
                assert 400 <= answer.status_code < 500, body
                assert answer.json()["error"], body

    def test_a_client_without_a_secret_cannot_act_for_itself(self, shop: Shop) -> None:
        with use_tenant(shop.tenant):  # past the form that would refuse it
            row = Application.objects.create(
                name="No secret", client_type=Application.CLIENT_PUBLIC, scopes="goods:write",
                authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
            )  # fmt: skip
        for secret in ("", "sha256$", "x"):
            body = {"grant_type": "client_credentials", "client_id": row.client_id, "client_secret": secret}
            answer = http().post(f"{shop.address}/oauth/token", data=body)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_what_is_kept_of_a_secret_is_no_secret(self, shop: Shop) -> None:
        registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
        with use_tenant(shop.tenant):
            kept = Application.objects.get(client_id=registered.id).client_secret
        assert registered.secret not in kept
        for secret, status in ((kept, 401), (kept.removeprefix("sha256$"), 401), (registered.secret, 200)):
            body = {"grant_type": "client_credentials", "client_id": registered.id, "client_secret": secret}
            assert http().post(f"{shop.address}/oauth/token", data=body).status_code == status

    def test_inactive_client_gets_no_tokens_and_its_tokens_are_invalid(self, shop: Shop) -> None:
        registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
        session = client(client_id=registered.id, client_secret=registered.secret)
        token = session.fetch_token(f"{shop.address}/oauth/token", grant_type="client_credentials")["access_token"]
        with use_tenant(shop.tenant):
            key_cache.get()
            row = Application.objects.get(client_id=registered.id)
            row.is_active = False
            row.save()
            assert _refusal(token) == "Token revoked."
        body = {"grant_type": "client_credentials", "client_id": registered.id, "client_secret": registered.secret}
        assert http().post(f"{shop.address}/oauth/token", data=body).status_code == 401
