"""RFCs that docs/api.md lists, tested with authlib and requests-oauthlib."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from requests_oauthlib import OAuth2Session

from tenants.contrib.oauth.models import Application
from tests.tenants.contrib.oauth.conftest import CALLBACK, Consent, Registered, Shop, give_consent
from tests.tenants.contrib.oauth.third_party import Browser, ThisMachine, http

CHALLENGE = "sOyDPkUlZ0k-w3tpXRC2WGEB9pOXLgP9a43AbuBlWts"
ORIGIN = "https://spa.example"
Query = list[tuple[str, str]]


def asked(shop: Shop, registered: Registered, *more: tuple[str, str], without: str = "", **change: str) -> str:
    """Return the URL of an authorization request."""
    query = {
        "response_type": "code", "client_id": registered.id, "redirect_uri": CALLBACK, "scope": "goods:read",
        "state": "s", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **change,
    }  # fmt: skip
    query.pop(without, None)
    return f"{shop.address}/oauth/authorize?{urlencode([*query.items(), *more])}"


@pytest.fixture
def signed_in(shop: Shop) -> Browser:
    """A browser in which kim is signed in."""
    browser = Browser()
    page = browser.follow(browser.go(asked(shop, shop.client())))
    browser.sign_in(page, "kim", "correct horse battery")
    return browser


def told(answer: requests.Response) -> dict[str, str]:
    """Return the parameters of a redirect to the client."""
    assert answer.status_code == 302, (answer.status_code, answer.text[:500])
    assert answer.headers["Location"].startswith(CALLBACK), answer.headers["Location"]
    pairs = parse_qsl(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def exchange(shop: Shop, registered: Registered, basic: bool = True, **body: Any) -> requests.Response:
    auth = (registered.id, registered.secret) if basic and registered.secret else None
    return http().post(f"{shop.address}/oauth/token", data=body, auth=auth)


class TestErrorsLeadBack:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"scope": "everything"}, "invalid_scope"),
            ({"response_type": "token"}, "unauthorized_client unsupported_response_type"),
            ({"response_type": "nonsense"}, "unsupported_response_type"),
            ({"without": "response_type"}, "invalid_request"),
            ({"without": "code_challenge"}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"request": "e30.e30."}, "request_not_supported"),
            ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
            ({"response_mode": "fragment"}, "invalid_request"),
            ({"response_mode": "form_post"}, "invalid_request"),
            ({"max_age": "soon"}, "invalid_request"),
            ({"max_age": "-1"}, "invalid_request"),
            ({"prompt": "none"}, "consent_required interaction_required"),
            ({"prompt": "none login"}, "invalid_request"),
            ({"prompt": "create"}, "invalid_request"),
        ],
    )
    def test_authorization_error_redirect_names_error_state_and_issuer(
        self, shop: Shop, signed_in: Browser, change: dict[str, str], error: str
    ) -> None:
        """RFC 6749 4.1.2.1 and RFC 9207."""
        answer = told(signed_in.go(asked(shop, shop.client(), **change)))
        assert answer["error"] in error.split(), answer
        assert (answer["state"], answer["iss"]) == ("s", shop.address)

    def test_prompt_none_of_a_stranger_leads_back_with_login_required(self, shop: Shop) -> None:
        answer = told(Browser().go(asked(shop, shop.client(), prompt="none")))
        assert (answer["error"], answer["state"], answer["iss"]) == ("login_required", "s", shop.address)

    def test_refused_consent_leads_back_with_access_denied(self, shop: Shop, signed_in: Browser) -> None:
        page = signed_in.go(asked(shop, shop.client()))
        answer = told(signed_in.submit(page, allow=None))
        assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s", shop.address)

    @pytest.mark.parametrize(
        "name", ["client_id", "redirect_uri", "state", "scope", "nonce", "code_challenge", "prompt"]
    )
    def test_parameter_given_twice_is_refused_here(self, shop: Shop, signed_in: Browser, name: str) -> None:
        """RFC 6749 3.1, of every parameter but `resource` (RFC 8707)."""
        refused = signed_in.go(asked(shop, shop.client(), (name, "a"), (name, "b")))
        assert refused.status_code == 400
        assert name in refused.text

    @pytest.mark.parametrize("change", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example/"}])
    def test_unknown_client_or_address_leads_nowhere(self, shop: Shop, signed_in: Browser, change: Any) -> None:
        assert signed_in.go(asked(shop, shop.client(), **change)).status_code == 400


class TestAuthorizationByPost:
    def test_request_by_post_is_answered_as_by_get(self, shop: Shop, signed_in: Browser) -> None:
        """OpenID Connect Core 3.1.2.1."""
        address, _, query = asked(shop, shop.client()).partition("?")
        sent = signed_in.http.post(address, data=dict(parse_qsl(query)), allow_redirects=False)
        assert sent.status_code == 303
        page = signed_in.follow(sent)
        assert page.status_code == 200
        assert told(signed_in.submit(page, allow="true"))["code"]

    def test_consent_from_another_site_is_refused(self, shop: Shop, signed_in: Browser) -> None:
        """A form of another site, with or without a forged CSRF token."""
        registered = shop.client()
        body = dict(parse_qsl(asked(shop, registered).partition("?")[2])) | {"allow": "true"}
        for forged in (body, body | {"csrfmiddlewaretoken": "x" * 64}):
            answer = signed_in.http.post(
                f"{shop.address}/oauth/authorize", data=forged, allow_redirects=False,
                headers={"Origin": "https://evil.example"},
            )  # fmt: skip
            assert answer.status_code in {303, 403}
            assert "code=" not in answer.headers.get("Location", "").replace("code_challenge", "").replace("=code", "")


class TestMaxAge:
    def test_zero_asks_for_the_password_again(self, shop: Shop, signed_in: Browser) -> None:
        registered = shop.client()
        assert signed_in.go(asked(shop, registered, max_age="9999")).status_code == 200
        login = signed_in.follow(signed_in.go(asked(shop, registered, max_age="0")))
        page = signed_in.sign_in(login, "kim", "correct horse battery")
        assert page.status_code == 200
        assert told(signed_in.submit(page, allow="true"))["code"]

    def test_zero_without_a_page_is_login_required(self, shop: Shop, signed_in: Browser) -> None:
        answer = told(signed_in.go(asked(shop, shop.client(), max_age="0", prompt="none")))
        assert answer["error"] == "login_required"


class TestTokenErrors:
    def test_wrong_secret_in_the_header_is_told_with_basic(self, shop: Shop) -> None:
        """RFC 6749 5.2."""
        registered = Registered(shop.client(Application.GRANT_CLIENT_CREDENTIALS).id, "wrong")
        for basic in (True, False):
            body = {} if basic else {"client_id": registered.id, "client_secret": "wrong"}
            refused = exchange(shop, registered, basic, grant_type="client_credentials", **body)
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
            assert refused.headers["WWW-Authenticate"].startswith("Basic ")
            assert refused.headers["Cache-Control"] == "no-store"

    def test_code_with_another_redirect_uri_is_an_invalid_grant(self, shop: Shop, consent: Callable[..., Any]) -> None:
        registered = shop.client(redirect_uris=f"{CALLBACK} {CALLBACK}2")
        code = parse_qs(urlsplit(give_consent(asked(shop, registered))).query)["code"][0]
        for address in (f"{CALLBACK}2", "https://evil.example/"):
            refused = exchange(
                shop, registered, grant_type="authorization_code", code=code, redirect_uri=address,
                code_verifier="v" * 64,
            )  # fmt: skip
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant"), refused.text

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"grant_type": "authorization_code", "code": "nothing", "redirect_uri": CALLBACK}, "invalid_grant"),
            ({"grant_type": "authorization_code", "redirect_uri": CALLBACK}, "invalid_request"),
            ({"grant_type": "refresh_token", "refresh_token": "nothing"}, "invalid_grant"),
            ({"grant_type": "refresh_token"}, "invalid_request"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({}, "invalid_request"),
            ({"grant_type": "client_credentials"}, "unauthorized_client"),
            ({"grant_type": ["refresh_token", "refresh_token"], "refresh_token": "x"}, "invalid_request"),
            ({"grant_type": "refresh_token", "refresh_token": ["x", "x"]}, "invalid_request"),
        ],
    )
    def test_request_for_a_token_is_refused_with_the_error_of_the_rfc(
        self, shop: Shop, body: dict[str, Any], error: str
    ) -> None:
        """RFC 6749 5.2."""
        if body.get("grant_type") == "authorization_code":
            body = body | {"code_verifier": "v" * 64}
        refused = exchange(shop, shop.client(), **body)
        assert (refused.status_code, refused.json()["error"]) == (400, error), refused.text
        assert refused.headers["Cache-Control"] == "no-store"

    def test_wrong_verifier_is_an_invalid_grant(self, shop: Shop) -> None:
        """RFC 7636 4.6."""
        registered = shop.client()
        code = parse_qs(urlsplit(give_consent(asked(shop, registered))).query)["code"][0]
        refused = exchange(
            shop, registered, grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier="w" * 64
        )
        assert refused.json()["error"] == "invalid_grant"

    @pytest.mark.parametrize("door", ["token", "introspect", "revoke"])
    @pytest.mark.parametrize(
        "given",
        [b"a\0b:x", b"%00:x", b"\xff:x", b"nocolon", b":", "é:x".encode(), b"x" * 5000],
        ids=lambda one: one[:8],
    )
    def test_header_without_sense_is_an_invalid_client(self, shop: Shop, door: str, given: bytes) -> None:
        """It was a server error."""
        for header in (b"Basic " + b64encode(given), b"Basic " + given.replace(b"\0", b"")[:99], b"Basic", b"basic "):
            body = {"grant_type": "client_credentials", "token": "x"}
            refused = http().post(f"{shop.address}/oauth/{door}", data=body, headers={"Authorization": header})
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), header
            assert refused.headers["WWW-Authenticate"].startswith("Basic ")

    def test_scheme_of_the_header_is_known_in_any_case(self, shop: Shop) -> None:
        """RFC 9110 11.1."""
        registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
        given = b64encode(f"{registered.id}:{registered.secret}".encode()).decode()
        for scheme in ("Basic", "basic", "BASIC"):
            headers = {"Authorization": f"{scheme} {given}"}
            sent = http().post(
                f"{shop.address}/oauth/token", data={"grant_type": "client_credentials"}, headers=headers
            )
            assert sent.status_code == 200, sent.text

    @pytest.mark.parametrize("door", ["token", "introspect", "revoke"])
    def test_secret_in_the_address_is_refused(self, shop: Shop, door: str) -> None:
        """RFC 6749 2.3.1: URLs are logged."""
        registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
        query = urlencode({"client_id": registered.id, "client_secret": registered.secret})
        body = {"grant_type": "client_credentials", "token": "x"}
        refused = http().post(f"{shop.address}/oauth/{door}?{query}", data=body)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request"), refused.text
        assert refused.headers["Cache-Control"].startswith("no-store")

    @pytest.mark.parametrize("resource", ["https://x.example/<script>alert(1)</script>", "<img src=x>"])
    def test_error_is_json_and_never_a_page(self, shop: Shop, resource: str) -> None:
        """RFC 6749 5.2; an HTML response could run scripts in a parameter."""
        registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
        refused = exchange(shop, registered, grant_type="client_credentials", resource=resource)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target"), refused.text
        assert refused.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("name", ["a" * 256, "한" * 5000])
    def test_impossible_user_name_is_an_incorrect_login(self, shop: Shop, name: str) -> None:
        """It did not fit into the log of failed logins, which was a server error."""
        refused = http().post(f"{shop.address}/api/token", data={"username": name, "password": "x"})
        assert (refused.status_code, refused.json()["detail"]) == (401, "Incorrect username or password.")

    def test_both_ways_to_authenticate_at_once_are_refused(self, shop: Shop) -> None:
        registered = shop.client(Application.GRANT_CLIENT_CREDENTIALS)
        refused = exchange(
            shop, registered, grant_type="client_credentials", client_id=registered.id, client_secret=registered.secret
        )
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


class TestRevocationAndIntrospection:
    def test_unknown_token_is_revoked_without_an_error(self, shop: Shop) -> None:
        """RFC 7009 2.2."""
        registered = shop.client()
        sent = http().post(
            f"{shop.address}/oauth/revoke", data={"token": "nothing"}, auth=(registered.id, registered.secret)
        )
        assert sent.status_code == 200

    def test_revocation_without_a_token_or_client_is_refused(self, shop: Shop) -> None:
        registered = shop.client()
        address = f"{shop.address}/oauth/revoke"
        missing = http().post(address, data={}, auth=(registered.id, registered.secret))
        assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
        unknown = http().post(address, data={"token": "x"}, auth=("nobody", "x"))
        assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
        assert unknown.headers["WWW-Authenticate"].startswith("Basic ")

    def test_introspection_needs_a_client_and_says_inactive(self, shop: Shop) -> None:
        """RFC 7662 2.2 and 2.3."""
        registered = shop.client()
        address = f"{shop.address}/oauth/introspect"
        assert http().post(address, data={"token": "x"}).status_code == 401
        known = http().post(address, data={"token": "x"}, auth=(registered.id, registered.secret))
        assert known.json() == {"active": False}


class TestDiscovery:
    def test_document_promises_what_is_there(self, shop: Shop) -> None:
        """RFC 8414 and OpenID Connect Discovery."""
        document = http().get(f"{shop.address}/.well-known/openid-configuration").json()
        assert document["request_parameter_supported"] is False
        assert document["request_uri_parameter_supported"] is False
        assert document["authorization_response_iss_parameter_supported"] is True
        assert document["code_challenge_methods_supported"] == ["S256"]
        assert document["response_modes_supported"] == ["query"]


class TestOtherPeoplesClients:
    def test_requests_oauthlib_does_the_whole_code_flow(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        registered = shop.client()
        session = OAuth2Session(registered.id, redirect_uri=CALLBACK, scope=["goods:read", "openid"], pkce="S256")
        session.mount("http://", ThisMachine())
        address, state = session.authorization_url(f"{shop.address}/oauth/authorize")
        landed = give_consent(address)
        assert parse_qs(urlsplit(landed).query)["state"] == [state]
        endpoint = f"{shop.address}/oauth/token"
        token = session.fetch_token(endpoint, authorization_response=landed, client_secret=registered.secret)
        assert session.get(f"{shop.address}/api/protected").json()["username"] == "kim"
        again = session.refresh_token(endpoint, auth=(registered.id, registered.secret))
        assert again["access_token"] != token["access_token"]


class TestBrowsers:
    def test_api_lets_the_origins_of_registered_clients_read(self, shop: Shop, consent: Callable[..., Consent]) -> None:
        done = consent(shop, client_type=Application.CLIENT_PUBLIC, allowed_origins=ORIGIN)
        bearer = {"Authorization": f"Bearer {done.token['access_token']}"}
        for path in ("/api/v2/goods", "/api/v1/goods/9999", "/oauth/userinfo", "/api/protected", "/api/goods"):
            answer = http().get(f"{shop.address}{path}", headers={"Origin": ORIGIN, **bearer}, allow_redirects=False)
            assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN, path
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "origin" in answer.headers["Vary"].lower()
        asked_first = http().options(
            f"{shop.address}/api/v2/goods/1",
            headers={
                "Origin": ORIGIN, "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "authorization,content-type,if-match",
            },
        )  # fmt: skip
        assert (asked_first.status_code, asked_first.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
        assert {"authorization", "if-match", "idempotency-key", "content-type"} <= set(
            asked_first.headers["Access-Control-Allow-Headers"].split(", ")
        )

    @pytest.mark.parametrize("path", ["/api/v2/goods", "/oauth/token", "/oauth/userinfo"])
    def test_other_origins_read_nothing(self, shop: Shop, path: str) -> None:
        shop.client(client_type=Application.CLIENT_PUBLIC, allowed_origins=ORIGIN)
        shop.client(client_type=Application.CLIENT_PUBLIC, allowed_origins="https://off.example", is_active=False)
        for origin in (
            "https://evil.example",
            "null",
            f"{ORIGIN}.evil.example",
            "http://spa.example",
            "https://off.example",
        ):
            for method in ("GET", "POST", "OPTIONS"):
                headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
                answer = http().request(method, f"{shop.address}{path}", headers=headers)
                assert "Access-Control-Allow-Origin" not in answer.headers, (method, origin)

    @pytest.mark.parametrize(
        ("typed", "sent"),
        [
            ("https://SPA.example", "https://spa.example"),
            ("HTTPS://spa.example:443", "https://spa.example"),
            ("http://localhost:80 https://b.example:8443", "https://b.example:8443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://münchen.example", "https://xn--mnchen-3ya.example"),
            ("https://straße.example", "https://xn--strae-oqa.example"),
        ],
    )
    def test_origin_is_known_as_browsers_send_it(self, shop: Shop, typed: str, sent: str) -> None:
        """Browsers send another spelling than people type."""
        shop.client(client_type=Application.CLIENT_PUBLIC, allowed_origins=typed)
        answer = http().get(f"{shop.address}/api/v2/goods", headers={"Origin": sent})
        assert answer.headers["Access-Control-Allow-Origin"] == sent

    @pytest.mark.parametrize("path", ["/", "/admin/", "/cart/", "/oauth/authorize"])
    def test_pages_are_read_by_no_other_origin(self, shop: Shop, path: str) -> None:
        shop.client(client_type=Application.CLIENT_PUBLIC, allowed_origins=ORIGIN)
        answer = http().get(f"{shop.address}{path}", headers={"Origin": ORIGIN}, allow_redirects=False)
        assert "Access-Control-Allow-Origin" not in answer.headers

    def test_token_endpoint_answers_errors_to_a_registered_origin(self, shop: Shop) -> None:
        shop.client(client_type=Application.CLIENT_PUBLIC, allowed_origins=ORIGIN)
        refused = http().post(f"{shop.address}/oauth/token", data={"grant_type": "x"}, headers={"Origin": ORIGIN})
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (400, ORIGIN)
