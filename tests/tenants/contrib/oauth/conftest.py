"""Fixtures: shops behind a real server, with a user, clients and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Thread
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.key_cache import key_cache
from tenants.contrib.oauth.models import Application
from tenants.registry.listener import listener
from tenants.registry.lookup import tenant_by_slug
from tests.browser.conftest import address_of  # noqa: F401  # a fixture
from tests.browser.conftest import browser as chromium  # noqa: F401  # a fixture
from tests.tenants.contrib.oauth.third_party import Browser, client

CALLBACK = "https://app.example/callback"
PASSWORD = "correct horse battery"


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        pass


@dataclass
class Registered:
    """A registered client with its secret."""

    id: str
    secret: str


@dataclass
class Shop:
    """A shop with its URL."""

    tenant: TenantInfo
    address: str

    def client(self, grant: str = Application.GRANT_AUTHORIZATION_CODE, **facts: Any) -> Registered:
        with use_tenant(self.tenant):
            row = Application(
                **{
                    "name": "Bookkeeping",
                    "client_type": Application.CLIENT_CONFIDENTIAL,
                    "authorization_grant_type": grant,
                    "redirect_uris": CALLBACK if grant == Application.GRANT_AUTHORIZATION_CODE else "",
                    "scopes": "openid profile email goods:read goods:write orders:read",
                    **facts,
                }
            )
            secret = row.renew_secret() if row.client_type == Application.CLIENT_CONFIDENTIAL else ""
            row.full_clean()
            row.save()
            return Registered(row.client_id, secret)

    def again(self) -> Shop:
        return Shop(tenant_by_slug(self.tenant.slug), self.address)


@pytest.fixture(autouse=True)
def _forget_rings() -> Iterator[None]:
    """Clear the cache, which may hold rows of a rolled-back transaction."""
    yield
    key_cache.clear()


@pytest.fixture
def port(committed: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """URL of the project on a free port."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with ThreadedWSGIServer(("127.0.0.1", 0), _Quiet) as server:
        origin = f"http://localhost:{server.server_port}"
        settings.TENANTS = {**django_settings.TENANTS, "ORIGIN": origin}
        server.set_app(get_wsgi_application())
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        listener.start()
        assert listener.listening.wait(180)
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def open_served(port: int, open_shop: Callable[..., TenantInfo]) -> Callable[..., Shop]:
    """Return a function that creates a shop with a user `kim`, who may change goods and view orders."""

    def opened(slug: str = "", **order: Any) -> Shop:
        tenant = open_shop(slug, **order)
        with use_tenant(tenant):
            User.objects.create_superuser("kim", "kim@shop.example", PASSWORD, first_name="Min-su", last_name="Kim")
        return Shop(tenant, f"http://{tenant.host}:{port}")

    return opened


@pytest.fixture
def shop(open_served: Callable[..., Shop]) -> Shop:
    return open_served()


@pytest.fixture
def browser() -> Browser:
    return Browser()


@dataclass
class Consent:
    """Result of a code flow."""

    registered: Registered
    session: Any
    token: dict[str, Any]
    verifier: str
    redirect: str


@pytest.fixture
def consent() -> Callable[..., Consent]:
    """Return a function that runs the code flow with discovery, PKCE and a browser."""
    return code_flow


def code_flow(shop: Shop, *, scope: str = "openid profile goods:read", **facts: Any) -> Consent:
    registered = shop.client(**facts)
    server = client().get(f"{shop.address}/.well-known/oauth-authorization-server", withhold_token=True).json()
    session = client(
        client_id=registered.id,
        client_secret=registered.secret or None,
        scope=scope,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if registered.secret else "none",
        token_endpoint=server["token_endpoint"],
    )
    verifier = "v" * 64
    address, _state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce="n-0S6"
    )
    redirect = give_consent(address)
    token = session.fetch_token(server["token_endpoint"], authorization_response=redirect, code_verifier=verifier)
    return Consent(registered, session, token, verifier, redirect)


def give_consent(address: str, browser: Browser | None = None) -> str:
    """Sign in as kim and consent; return the URL with the code, without opening it."""
    browser = browser or Browser()
    page = browser.sign_in(browser.follow(browser.go(address)), "kim", PASSWORD)
    assert page.status_code == 200, page.text[:1000]
    answer = browser.submit(page, allow="true")
    assert answer.status_code == 302, answer.text[:3000]
    return answer.headers["Location"]
