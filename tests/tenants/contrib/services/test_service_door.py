"""A process behind the gateway accepts only requests that the gateway has signed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, cast

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.observability.principal import ANONYMOUS, Principal
from tenants.contrib.observability.request_context import current_request_context
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.middleware import GatewayIdentityMiddleware


@pytest.fixture
def as_shop(settings: Any) -> None:
    settings.TENANTS = {
        **settings.TENANTS,
        "SERVICE": "shop",
        "API_BEARERS": ["tenants.contrib.oauth.gateway_bearer.bearer"],
        "TRUSTED_PROXIES": 1,
    }


def ask(tenant: TenantInfo, path: str = "/", identity: str = "", **headers: str) -> Any:
    sent = {**headers, **({HEADER: identity} if identity else {})}
    return Client(HTTP_HOST=tenant.host).get(path, headers=sent)


def test_what_the_gateway_signed_gets_in(as_shop: None, acme: TenantInfo) -> None:
    assert ask(acme, identity=identity_header("shop", acme, ANONYMOUS)).status_code == 200


def test_missing_or_wrong_identities_are_refused(as_shop: None, acme: TenantInfo, globex: TenantInfo) -> None:
    for wrong in (
        "",
        "nonsense",
        identity_header("auth", acme, ANONYMOUS),
        identity_header("shop", globex, ANONYMOUS),
        identity_header("shop", PLATFORM, ANONYMOUS),
        identity_header("shop", replace(acme, epoch="of another life"), ANONYMOUS),
    ):
        refused = ask(acme, identity=wrong)
        assert refused.status_code == 403
        assert refused["Content-Type"].startswith("application/problem+json")
        assert refused.json()["type"] == "urn:sangga:problem:identity-refused"


def test_the_single_process_asks_for_none_and_believes_none(acme: TenantInfo) -> None:
    assert ask(acme).status_code == 200
    assert ask(acme, identity="forged").status_code == 200
    with use_tenant(acme):
        kim = User.objects.create_superuser("kim")
    forged = identity_header("shop", acme, Principal(str(kim.pk), "app", frozenset({"auth:read"})))
    refused = ask(acme, "/api/v1/users", forged, Authorization="Bearer x.y.z")
    assert refused.status_code == 401


def test_health_is_told_to_anybody(as_shop: None, acme: TenantInfo) -> None:
    assert ask(acme, "/-/health").content == b"ok\n"


def test_the_api_knows_whom_the_gateway_has_told(as_shop: None, acme: TenantInfo) -> None:
    with use_tenant(acme):
        kim = User.objects.create_superuser("kim")
    for scopes, status in ((frozenset({"auth:read"}), 200), (frozenset({"goods:read"}), 403)):
        identity = identity_header("shop", acme, Principal(str(kim.pk), "app", scopes))
        assert ask(acme, "/api/v1/users", identity, Authorization="Bearer told").status_code == status
    stranger = identity_header("shop", acme, ANONYMOUS)
    assert ask(acme, "/api/v1/users", stranger, Authorization="Bearer told").status_code == 401
    gone = identity_header("shop", acme, Principal("4711", "app", frozenset({"auth:read"})))
    assert ask(acme, "/api/v1/users", gone, Authorization="Bearer told").status_code == 401


def test_it_works_with_async(as_shop: None, acme: TenantInfo) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        call = current_request_context()
        assert call is not None
        return HttpResponse(call.principal.user)

    async def answered(**headers: str) -> HttpResponse:
        with use_tenant(acme):
            answer = GatewayIdentityMiddleware(view)(RequestFactory().get("/", headers=headers))
            return cast(HttpResponse, await cast(Awaitable[Any], answer))

    assert asyncio.run(answered()).status_code == 403
    identity = identity_header("shop", acme, Principal("7"))
    assert asyncio.run(answered(**{HEADER: identity})).content == b"7"
