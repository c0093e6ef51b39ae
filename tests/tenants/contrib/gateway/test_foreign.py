"""A service of another code base responds under a shop's host, with headers only for its own path."""

from __future__ import annotations

import pytest

from tenants import TenantInfo
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Telling

FOR_THE_WHOLE_HOST = [
    ("Set-Cookie", "sessionid=mine; Path=/"), ("Set-Cookie", "flood=x; Domain=localhost"), ("Set-Cookie2", "a=b"),
    ("Service-Worker-Allowed", "/"), ("Clear-Site-Data", '"*"'), ("Strict-Transport-Security", "max-age=9; preload"),
    ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true"), ("Alt-Svc", 'h2="evil:443"'),
    ("NEL", "{}"), ("Report-To", "{}"), ("Reporting-Endpoints", 'a="https://evil.example"'), ("Accept-CH", "DPR"),
    ("Public-Key-Pins", "x"), ("Origin-Agent-Cluster", "?0"), ("WWW-Authenticate", 'Basic realm="of the shop"'),
    ("X-Sendfile", "/etc/passwd"), ("X-Accel-Redirect", "/secret"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), FOR_THE_WHOLE_HOST)
def test_foreign_service_header_for_whole_host_is_dropped(
    shared_front: Front, shop: TenantInfo, name: str, value: str
) -> None:
    """Fault 30: another code base sets no policy of the host. Fault 60: nor floods it with cookies by Domain=."""
    shared_front.telling.says = [(name.upper(), value), ("X-Own", "kept"), ("Content-Type", "text/html")]
    reply = shared_front.ask(shop, "/says")
    assert (reply.status, reply.headers["X-Own"]) == (200, "kept")
    assert name not in reply.headers


def test_foreign_service_page_is_sandboxed_beside_its_own_policy(shared_front: Front, shop: TenantInfo) -> None:
    """Fault 30: its scripts have an opaque origin, so they read no CSRF token and register no service worker."""
    shared_front.telling.says = [
        ("Content-Security-Policy", "default-src *; sandbox allow-same-origin"), ("Content-Type", "image/svg+xml"),
    ]  # fmt: skip
    own, ours = shared_front.ask(shop, "/says").headers.get_all("Content-Security-Policy")
    assert own.startswith("default-src *")  # a browser keeps to both
    assert ours.startswith("sandbox ")
    assert "allow-same-origin" not in ours
    assert "allow-top-navigation" not in ours
    assert shared_front.ask(shop, "/stream").headers["Content-Security-Policy"] == ours
    assert shared_front.ask(shop, "/status?code=404").headers["X-Content-Type-Options"] == "nosniff"


def test_foreign_service_bearer_challenge_passes(shared_front: Front, shop: TenantInfo) -> None:
    shared_front.telling.says = [("WWW-Authenticate", 'Bearer error="insufficient_scope"')]
    assert shared_front.ask(shop, "/says").headers["WWW-Authenticate"].startswith("Bearer")


def test_service_of_this_code_base_keeps_its_headers(front: Front, shop: TenantInfo) -> None:
    """Fault 60: but a cookie for all hosts below a domain passes from no service."""
    telling = Telling()
    telling.says = [
        ("Set-Cookie", "sessionid=mine; Path=/; HttpOnly"), ("Set-Cookie", "flood=x; DOMAIN=localhost"),
        ("Access-Control-Allow-Origin", "https://client.example"),
    ]  # fmt: skip
    front.behind(telling, name="ours", prefixes="/ours/", runs_sangga=True)
    reply = front.ask(shop, "/ours/says")
    assert reply.headers.get_all("Set-Cookie") == ["sessionid=mine; Path=/; HttpOnly"]
    assert reply.headers["Access-Control-Allow-Origin"] == "https://client.example"
    assert "Content-Security-Policy" not in reply.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Service-Worker": "script"},
        {"Service-Worker": "script", "Sec-Fetch-Dest": "serviceworker", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Dest": "script", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Dest": "sharedworker", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_foreign_service_code_for_pages_of_shop_is_refused(
    front: Front, shop: TenantInfo, headers: dict[str, str]
) -> None:
    """Fault 30: no page can register a service worker from its paths."""
    telling = Telling()
    service = front.behind(telling, name="foreign", prefixes="/foreign/")
    assert front.ask(shop, "/foreign/sw.js", **headers).status == 403
    assert telling.asked == 0
    front.change(service, runs_sangga=True)
    assert front.ask(shop, "/foreign/sw.js", **headers).status == 200


def test_foreign_service_scripts_of_its_own_pages_load(shared_front: Front, shop: TenantInfo) -> None:
    """A sandboxed page asks from an opaque origin, and a page of the shop may fetch data."""
    for site, dest in (("cross-site", "script"), ("same-origin", "empty"), ("none", "document")):
        assert shared_front.ask(shop, **{"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest}).status == 200


@pytest.mark.parametrize("token", ["opaque", "one.dot", "a.b.c.d", "a.b.c.d.e", "sangga"])
def test_foreign_service_gets_no_bearer_that_gateway_cannot_tell(front: Front, shop: TenantInfo, token: str) -> None:
    """Fault 30: a token with other than two dots may be good elsewhere. Services of this code base may know it."""
    telling = Telling()
    service = front.behind(telling, name="foreign", prefixes="/foreign/", at_platform=True)
    for host in (shop, "localhost"):
        reply = front.ask(host, "/foreign/", Authorization=f"Bearer {token}")
        assert (reply.status, telling.asked) == (401, 0)
        assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]
    front.change(service, runs_sangga=True)
    assert front.ask(shop, "/foreign/", Authorization=f"Bearer {token}").received["authorization"] == f"Bearer {token}"


def test_foreign_service_gets_no_secret_of_visitor(shared_front: Front, shop: TenantInfo) -> None:
    sent = {
        "Authorization": "Basic b3duZXI6c2VjcmV0", "Cookie": "sessionid=secret", "X-CSRFToken": "secret",
        "Referer": f"http://{shop.host}:8000/account/set-password/MQ/secret/?a=secret",
    }  # fmt: skip
    received = shared_front.ask(shop, **sent).received
    assert "secret" not in repr(received)
    assert received["referer"] == f"http://{shop.host}:8000/"
