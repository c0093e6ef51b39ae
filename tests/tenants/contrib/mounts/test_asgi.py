"""Mounted ASGI applications under both kinds of servers, and mounted WSGI applications under ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.limits.asgi import ASGIHandler
from tenants.contrib.mounts.app_cache import app_cache
from tenants.contrib.mounts.models import Mount
from tenants.contrib.mounts.websocket_mounts import WebSocketMounts
from tenants.http.websockets import RECHECK_SECONDS
from tenants.lifecycle import sign_out_tenant, suspend_tenant
from tenants.models import Tenant
from tenants.registry.lookup import registry
from tests.isolation.test_asgi import Request
from tests.tenants.contrib.mounts import applications
from tests.tenants.contrib.mounts.conftest import json_of
from tests.waiting import eventually


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    """A committed shop with both kinds mounted: an application on another thread sees only what is committed."""
    shop = open_shop(owner_email="owner@mounted.example")
    with use_tenant(PLATFORM):
        for path, app, is_for_staff in (
            ("live", "asgi_app", False), ("office/live", "asgi_app", True), ("flask", "flask_app", False),
            ("plain", "unlively_asgi_app", False), ("stream", "streaming_app", False),
            ("endless", "endless_asgi_app", False),
        ):  # fmt: skip
            Mount.objects.create(tenant_id=shop.id, app=app, path=path, is_for_staff=is_for_staff)
    registry.clear()
    return shop


@pytest.fixture(autouse=True)
def _close_what_was_built() -> Iterator[None]:
    yield
    app_cache.retire()


def test_an_asgi_application_answers_under_wsgi(shop: TenantInfo) -> None:
    response = Client(HTTP_HOST=shop.host).post("/live/page", b"x" * 200_000, content_type="text/plain")
    assert json_of(response) == {
        "root_path": "/live", "path": "/live/page", "owner": "owner@mounted.example", "begun": shop.slug,
        "size": 200_000,
    }  # fmt: skip


def asked_under_asgi(host: str, path: str) -> Request:
    return asyncio.run(Request(host=host.encode(), path=path).go(ASGIHandler()))


def test_an_asgi_application_answers_under_asgi(shop: TenantInfo) -> None:
    answer = asked_under_asgi(shop.host, "/live/page")
    assert (answer.status, json.loads(answer.body)["begun"]) == (200, shop.slug)


def test_an_application_without_a_lifespan_is_served_without_one(shop: TenantInfo) -> None:
    response = Client(HTTP_HOST=shop.host).get("/plain/")
    assert (response.status_code, response.getvalue()) == (204, b"")


def test_the_lifespan_ends_with_the_mount(shop: TenantInfo) -> None:
    Client(HTTP_HOST=shop.host).get("/live/").getvalue()
    assert applications.built == {shop.slug: 1}
    registry.invalidate(shop.id)
    assert eventually(lambda: applications.closed == {shop.slug: 1})


def test_a_wsgi_application_answers_under_asgi(shop: TenantInfo) -> None:
    assert json.loads(asked_under_asgi(shop.host, "/flask/where").body)["script_name"] == "/flask"
    assert asked_under_asgi(shop.host, "/stream/").body == b"written|" + b"owner@mounted.example|" * 3


def test_application_is_told_that_its_client_disconnected(shop: TenantInfo) -> None:
    response = Client(HTTP_HOST=shop.host).get("/endless/")
    assert next(iter(response.streaming_content)) == b"tick"
    response.close()
    assert eventually(lambda: applications.gone == {shop.slug: 1})


class Socket:
    """A WebSocket's client at an ASGI application in this process."""

    def __init__(self, host: str, path: str, **headers: str) -> None:
        named = {"host": host, **headers}
        self.scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "subprotocols": [],
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        }  # fmt: skip
        self.sent: list[dict[str, Any]] = []

    async def say(self, *texts: str) -> list[dict[str, Any]]:
        """Open the socket, say the texts, close it, and return all that came back."""
        to_send = [{"type": "websocket.connect"}, *({"type": "websocket.receive", "text": text} for text in texts)]

        async def receive() -> dict[str, Any]:
            return to_send.pop(0) if to_send else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: dict[str, Any]) -> None:
            self.sent.append(message)

        await WebSocketMounts(ASGIHandler())(self.scope, receive, send)
        return self.sent


def test_a_websocket_is_its_tenants(shop: TenantInfo) -> None:
    answers = asyncio.run(Socket(shop.host, "/live/x", origin=f"http://{shop.host}").say("one", "two"))
    assert [message.get("text") for message in answers] == [
        None, "owner@mounted.example /live one", "owner@mounted.example /live two",
    ]  # fmt: skip


@pytest.mark.parametrize("action", ["suspended", "signed out", "switched off"])
def test_a_websocket_ends_when_none_would_be_opened_any_more(shop: TenantInfo, action: str) -> None:
    actions: dict[str, Callable[[], object]] = {
        "suspended": lambda: suspend_tenant(shop.slug),
        "signed out": lambda: sign_out_tenant(shop.slug),
        "switched off": lambda: _switch_off(shop),
    }

    async def stay() -> list[dict[str, Any]]:
        to_say: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        to_say.put_nowait({"type": "websocket.connect"})
        to_say.put_nowait({"type": "websocket.receive", "text": "hello"})
        application = WebSocketMounts(ASGIHandler())
        serving = asyncio.create_task(application(Socket(shop.host, "/live/").scope, to_say.get, heard.put))
        told = [await heard.get() for _ in range(2)]
        await asyncio.sleep(1.5 * RECHECK_SECONDS)
        to_say.put_nowait({"type": "websocket.receive", "text": "still here"})
        told.append(await heard.get())
        await asyncio.to_thread(_do, actions[action])
        async with asyncio.timeout(60):
            told.append(await heard.get())
            await serving  # the application was told that its client has disconnected
        return told

    *said, last = asyncio.run(stay())
    assert [message.get("text", "").rpartition(" ")[2] for message in said] == ["", "hello", "here"]
    assert last == {"type": "websocket.close", "code": 1001}


def _switch_off(shop: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        Mount.objects.filter(tenant_id=shop.id).update(is_on=False)


def _do(action: Callable[[], object]) -> None:
    """Do it in a separate thread, and update this process at once, as the listener would."""
    try:
        action()
    finally:
        connection.close()
    registry.clear()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/nowhere", {}),
        ("/flask/", {}),
        ("/live/", {"origin": "http://evil.example"}),
        ("/live/", {"origin": "null"}),
        ("/office/live/", {}),
    ],
)
def test_a_websocket_is_refused_to_strangers(shop: TenantInfo, path: str, headers: dict[str, str]) -> None:
    assert asyncio.run(Socket(shop.host, path, **headers).say()) == [{"type": "websocket.close", "code": 1008}]
    for host in ("nobody.localhost", "localhost", "a b"):
        assert asyncio.run(Socket(host, "/live/").say()) == [{"type": "websocket.close", "code": 1008}]


def test_staff_have_their_websocket(shop: TenantInfo) -> None:
    client = Client(HTTP_HOST=shop.host)
    with use_tenant(shop):
        client.force_login(User.objects.get())
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    answers = asyncio.run(Socket(shop.host, "/office/live/", cookie=cookie).say("hello"))
    assert answers[-1]["text"] == "owner@mounted.example /office/live hello"


def test_staff_without_a_required_second_factor_are_anonymous(shop: TenantInfo) -> None:
    client = Client(HTTP_HOST=shop.host)
    with use_tenant(shop):
        client.force_login(User.objects.get())
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(staff_second_factor=True)
    registry.clear()
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    answers = asyncio.run(Socket(shop.host, "/office/live/", cookie=cookie).say("hello"))
    assert answers == [{"type": "websocket.close", "code": 1008}]
    assert client.get("/office/live/").status_code == 302
