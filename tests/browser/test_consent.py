"""OAuth consent in a real browser: sign-in, authorization, and the redirect to another origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.models import Application, Grant
from tests.browser.conftest import DESK, PHONE

OpenPage = Callable[..., AbstractContextManager[Page]]


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Bookkeeping</title><h1>Back at the client</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing."""


@pytest.fixture
def callback() -> Iterator[str]:
    """A client's own address, on another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Callback) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}/callback"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_user_authorizes_a_client_and_is_redirected_back(
    browser: OpenPage,
    address_of: Callable[[TenantInfo], str],
    open_shop: Callable[..., TenantInfo],
    callback: str,
    screen: dict[str, Any],
) -> None:
    shop = open_shop(name="Corner Shop")
    with use_tenant(shop):
        User.objects.create_user("kim", password="correct horse")
        client = Application.objects.create(
            name="Bookkeeping & Söhne <b>",
            client_type=Application.CLIENT_PUBLIC,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            redirect_uris=callback,
            scopes="openid goods:read",
        )
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": callback,
        "scope": "openid goods:read",
        "state": "s",
        "code_challenge": "sOyDPkUlZ0k-w3tpXRC2WGEB9pOXLgP9a43AbuBlWts",
        "code_challenge_method": "S256",
    }
    with browser(**screen) as page:
        page.goto(f"{address_of(shop)}/oauth/authorize?{urlencode(asked)}")
        page.get_by_label("Username").fill("kim")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Authorize Bookkeeping & Söhne <b>?")).to_be_visible()
        assert page.locator(".scopes li").all_inner_texts() == ["Confirm who you are", "View: Products"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_role("heading", name="Back at the client")).to_be_visible()
        code = parse_qs(urlsplit(page.url).query)["code"][0]
    with use_tenant(shop):
        assert Grant.objects.get(code=code).user.username == "kim"
