"""Client in a browser on another origin, with oauth4webapi from npm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tenants.contrib.oauth.models import Application
from tests.tenants.contrib.oauth.conftest import PASSWORD, Shop

PACKAGE = "oauth4webapi@3.8.8"
PAGE = """<!doctype html><meta charset="utf-8"><title>Client</title><pre id="result"></pre>
<script type="module">
import * as oauth from "/oauth4webapi.js";
const options = { [oauth.allowInsecureRequests]: true };
const known = new URLSearchParams(location.search);
const kept = sessionStorage;
const say = (what) => { document.getElementById("result").textContent = JSON.stringify(what); };
try {
  if (known.has("client_id")) {
    kept.issuer = known.get("issuer"); kept.client = known.get("client_id");
    kept.verifier = oauth.generateRandomCodeVerifier(); kept.state = oauth.generateRandomState();
    const server = await discover();
    const asked = new URL(server.authorization_endpoint);
    const challenge = await oauth.calculatePKCECodeChallenge(kept.verifier);
    for (const [name, value] of Object.entries({
      client_id: kept.client, redirect_uri: location.origin + "/callback", response_type: "code", state: kept.state,
      scope: "openid goods:read", code_challenge: challenge, code_challenge_method: "S256",
      ...(known.has("response_mode") ? { response_mode: known.get("response_mode") } : {}),
    })) asked.searchParams.set(name, value);
    location.assign(asked);
  } else {
    const server = await discover(), client = { client_id: kept.client };
    const given = oauth.validateAuthResponse(server, client, new URL(location.href), kept.state);
    const got = await oauth.processAuthorizationCodeResponse(server, client,
      await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), given,
        location.origin + "/callback", kept.verifier, options));
    const user = await oauth.processUserInfoResponse(server, client, oauth.getValidatedIdTokenClaims(got).sub,
      await oauth.userInfoRequest(server, client, got.access_token, options));
    const goods = await oauth.protectedResourceRequest(got.access_token, "GET",
      new URL(kept.issuer + "/api/v2/goods"), new Headers({ "X-API-Version": "v2" }), null, options);
    const next = await oauth.processRefreshTokenResponse(server, client,
      await oauth.refreshTokenGrantRequest(server, client, oauth.None(), got.refresh_token, options));
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, oauth.None(), next.access_token, options));
    const bearer = { headers: { Authorization: `Bearer ${next.access_token}` } };
    const voided = await fetch(kept.issuer + "/api/v2/me", bearer);
    say({ user: user.sub, goods: goods.status, scope: next.scope, voided: voided.status });
  }
} catch (error) { say({ error: error.error ?? String(error), code: error.code ?? "" }); }
async function discover() {
  const issuer = new URL(kept.issuer);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
}
</script>"""


@pytest.fixture(scope="session")
def library() -> bytes:
    """Path of the library as a module, cached for the next run."""
    kept = Path(settings.DATA_DIR) / "npm" / f"{PACKAGE}.js"
    if not kept.exists():
        if shutil.which("npm") is None:
            reason = "There is no npm, with which to get a client of the npm registry. Install npm."
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        kept.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=kept.parent, check=True, capture_output=True)
        with tarfile.open(kept.parent / f"{PACKAGE.replace('@', '-')}.tgz") as packed:
            module = packed.extractfile("package/build/index.js")
            assert module is not None
            kept.write_bytes(module.read())
    return kept.read_bytes()


@pytest.fixture
def client_page(library: bytes) -> Iterator[str]:
    """Origin at which the client's page is served."""

    class Served(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_module = self.path == "/oauth4webapi.js"
            body = library if is_module else PAGE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_module else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def register(shop: Shop, origin: str, allowed: str) -> str:
    return shop.client(
        client_type=Application.CLIENT_PUBLIC, redirect_uris=f"{origin}/callback", allowed_origins=allowed
    ).id


def result_of(page: Page) -> Any:
    expect(page.locator("#result")).to_contain_text("{")
    return json.loads(page.locator("#result").inner_text())


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("kim")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_client_in_a_browser_gets_tokens_and_uses_the_api(
    chromium: Callable[..., AbstractContextManager[Page]],
    shop: Shop,
    client_page: str,
) -> None:
    """Discovery, PKCE, iss, token, userinfo, API, refresh and revocation over CORS."""
    client_id = register(shop, client_page, client_page)
    with chromium() as page:
        page.goto(f"{client_page}/?client_id={client_id}&issuer={shop.address}")
        sign_in(page)
        page.get_by_role("button", name="Authorize").click()
        page.wait_for_url(f"{client_page}/callback**")
        result = result_of(page)
    assert result.pop("user")
    assert result == {"goods": 200, "scope": "openid goods:read", "voided": 401}


def test_client_in_a_browser_is_told_errors_with_the_issuer(
    chromium: Callable[..., AbstractContextManager[Page]],
    shop: Shop,
    client_page: str,
) -> None:
    """oauth4webapi rejects errors without `iss` if discovery announces it."""
    client_id = register(shop, client_page, client_page)
    with chromium() as page:
        page.goto(f"{client_page}/?client_id={client_id}&issuer={shop.address}&response_mode=fragment")
        sign_in(page)
        page.wait_for_url(f"{client_page}/callback**")
        assert result_of(page)["error"] == "invalid_request"


def test_page_of_an_unregistered_origin_gets_no_token(
    chromium: Callable[..., AbstractContextManager[Page]],
    shop: Shop,
    client_page: str,
) -> None:
    client_id = register(shop, client_page, "https://elsewhere.example")
    with chromium() as page:
        page.goto(f"{client_page}/?client_id={client_id}&issuer={shop.address}")
        sign_in(page)
        page.get_by_role("button", name="Authorize").click()
        page.wait_for_url(f"{client_page}/callback**")
        assert "TypeError" in result_of(page)["error"]  # the browser hides the answer
