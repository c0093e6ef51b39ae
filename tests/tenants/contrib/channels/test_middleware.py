"""The tenant of WebSocket and HTTP connections that no view of Django serves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import override_settings

from tenants import TenantInfo, active_tenant, current_tenant
from tenants.conf import tenancy
from tenants.contrib.channels.middleware import TenantMiddleware
from tenants.http.maintenance_bypass import _cookie_name
from tenants.http.websockets import RECHECK_SECONDS
from tenants.lifecycle import sign_out_tenant, suspend_tenant
from tenants.models import Domain, Tenant
from tenants.registry.lookup import registry, tenant_by_slug
from tests.settings import TENANTS

Message = dict[str, Any]
OpenShop = Callable[..., TenantInfo]
NO_PAGE = "nothing.localhost"


async def consumer(scope: Message, receive: Any, send: Any) -> None:
    """Answer each text with the tenant, its groups in the database, and the cookies."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": current_tenant().slug.encode()})
        return
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["text"] == "leave open":
            await sync_to_async(lambda: transaction.atomic().__enter__())()
        else:
            await send({"type": "websocket.send", "text": json.dumps(await sync_to_async(_facts)(scope))})


def _facts(scope: Message) -> dict[str, Any]:
    return {
        "tenant": scope["tenant"].slug,
        "active": current_tenant().slug,
        "groups": list(Group.objects.values_list("name", flat=True)),
        "in_transaction": connection.in_atomic_block,
        "root_path": scope["root_path"],
        "cookie": dict(scope["headers"]).get(b"cookie", b"").decode(),
    }


def scope_of(host: str, path: str = "/room/", kind: str = "websocket", **headers: str) -> Message:
    named = {"host": host, **headers}
    return {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "path": path, "raw_path": path.encode(),
        "scheme": "ws" if kind == "websocket" else "http", "query_string": b"", "root_path": "", "subprotocols": [],
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "extensions": {"websocket.http.response": {}}, "client": ("127.0.0.1", 5000),
        **({"method": "GET"} if kind == "http" else {}),
    }  # fmt: skip


def told(scope: Message, *texts: str) -> list[Message]:
    """Open a connection, send the texts, close it, and return all that came back."""
    sent: list[Message] = []

    async def serve() -> None:
        to_send = [{"type": "websocket.connect"}, *({"type": "websocket.receive", "text": text} for text in texts)]

        async def receive() -> Message:
            return to_send.pop(0) if to_send else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Message) -> None:
            sent.append(message)

        await TenantMiddleware(consumer)(scope, receive, send)
        await sync_to_async(lambda: connection.close())()

    asyncio.run(serve())
    assert active_tenant() is None
    return sent


def facts(scope: Message) -> dict[str, Any]:
    accepted, answer = told(scope, "facts")
    assert accepted == {"type": "websocket.accept"}
    found: dict[str, Any] = json.loads(answer["text"])
    return found


def status(scope: Message) -> int:
    start = told(scope, "facts")[0]
    assert start["type"] in {"websocket.http.response.start", "http.response.start"}
    return int(start["status"])


def test_a_consumer_works_as_the_tenant_of_its_host(open_shop: OpenShop) -> None:
    shop, other = open_shop(), open_shop()
    for each in (shop, other):
        found = facts(scope_of(each.host))
        assert (found["tenant"], found["active"]) == (each.slug, each.slug)
    start, body = told(scope_of(shop.host, kind="http"))
    assert (start["status"], body["body"]) == (200, shop.slug.encode())


def test_a_consumer_of_a_path_has_its_prefix_and_cookies(open_shop: OpenShop) -> None:
    shop = open_shop()
    with override_settings(TENANTS={**TENANTS, "PATH_PREFIX": "t"}):
        registry.clear()
        cookie = f"{shop.schema}.sessionid=own; t_0.sessionid=other"
        found = facts(scope_of(tenancy().base_domain, f"/t/{shop.slug}/room/", cookie=cookie))
    assert found["tenant"] == shop.slug
    assert (found["root_path"], found["cookie"]) == (f"/t/{shop.slug}", "sessionid=own")


@pytest.mark.parametrize("kind", ["websocket", "http"])
def test_a_connection_is_refused_as_a_request_is(open_shop: OpenShop, kind: str) -> None:
    shop = open_shop()
    assert status(scope_of("nothing.localhost", kind=kind)) == 404
    assert status(scope_of("not a host", kind=kind)) == 404
    assert status(scope_of("elsewhere.example", kind=kind)) == 404
    with_domain(shop, "moved.example")
    assert status(scope_of("moved.example", kind=kind)) == 308
    suspend_tenant(shop.slug)
    registry.clear()
    assert status(scope_of(shop.host, kind=kind)) == 503
    bypass = f"{_cookie_name()}={tenant_by_slug(shop.slug).bypass}"
    assert told(scope_of(shop.host, kind=kind, cookie=bypass))[0]["type"] in {"websocket.accept", "http.response.start"}


def with_domain(shop: TenantInfo, host: str) -> None:
    from tenants import PLATFORM, use_tenant

    with use_tenant(PLATFORM):
        Domain.objects.create(tenant=Tenant.objects.get(pk=shop.id), host=host)
    registry.clear()


def test_a_websocket_of_another_origins_page_is_refused(open_shop: OpenShop) -> None:
    shop, other = open_shop(), open_shop()
    assert status(scope_of(shop.host, origin=f"http://{other.host}")) == 403
    assert status(scope_of(shop.host, origin="null")) == 403
    assert facts(scope_of(shop.host, origin=f"http://{shop.host}"))["tenant"] == shop.slug


def test_a_refusal_without_the_extension_is_a_closed_websocket(committed: None) -> None:
    scope = {**scope_of("nothing.localhost"), "extensions": {}}
    assert told(scope) == [{"type": "websocket.close", "code": 1008}]


def test_a_transaction_that_a_consumer_leaves_open_is_rolled_back(open_shop: OpenShop) -> None:
    shop = open_shop()
    answers = told(scope_of(shop.host), "leave open", "facts")
    assert json.loads(answers[-1]["text"])["in_transaction"] is False


@pytest.mark.parametrize("kind", ["websocket", "http"])
def test_an_address_opens_no_more_connections_than_its_maximum(open_shop: OpenShop, kind: str) -> None:
    shop = open_shop()

    async def inner(scope: Message, receive: Any, send: Any) -> None:
        await TenantMiddleware(consumer)(scope_of(shop.host, kind=kind), receive, lambda message: _keep(sent, message))

    sent: list[Message] = []
    with override_settings(TENANTS={**TENANTS, "ADDRESS_SOCKETS": 1}):

        async def two() -> None:
            async def receive() -> Message:
                return {"type": "websocket.disconnect", "code": 1000}

            await TenantMiddleware(inner)(scope_of(shop.host, kind=kind), receive, lambda message: _keep(sent, message))

        asyncio.run(two())
    assert sent[0]["status"] == 429


async def _keep(sent: list[Message], message: Message) -> None:
    sent.append(message)


@pytest.mark.parametrize("end", [suspend_tenant, sign_out_tenant])
def test_a_websocket_is_closed_when_none_would_be_opened(open_shop: OpenShop, end: Callable[[str], Any]) -> None:
    shop = open_shop()

    async def stay() -> Message:
        to_say: asyncio.Queue[Message] = asyncio.Queue()
        heard: asyncio.Queue[Message] = asyncio.Queue()
        to_say.put_nowait({"type": "websocket.connect"})
        serving = asyncio.create_task(TenantMiddleware(consumer)(scope_of(shop.host), to_say.get, heard.put))
        await heard.get()
        await asyncio.sleep(1.5 * RECHECK_SECONDS)
        to_say.put_nowait({"type": "websocket.receive", "text": "facts"})
        await heard.get()
        await asyncio.to_thread(_do, end, shop.slug)
        async with asyncio.timeout(60):
            last = await heard.get()
            await serving
        return last

    assert asyncio.run(stay()) == {"type": "websocket.close", "code": 1001}


@pytest.mark.parametrize("has_begun", [True, False])
def test_an_http_response_ends_when_none_would_begin(open_shop: OpenShop, has_begun: bool) -> None:
    shop = open_shop()
    sent: list[Message] = []

    async def wait(scope: Message, receive: Any, send: Any) -> None:
        if has_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        assert (await receive())["type"] == "http.disconnect"
        with pytest.raises(OSError, match="closed"):
            await send({"type": "http.response.body", "body": b"more", "more_body": True})

    async def stay() -> None:
        scope = scope_of(shop.host, kind="http")
        serving = asyncio.create_task(
            TenantMiddleware(wait)(scope, asyncio.Event().wait, lambda message: _keep(sent, message))
        )
        await begun.wait()
        await asyncio.to_thread(_do, suspend_tenant, shop.slug)
        async with asyncio.timeout(60):
            await serving
        await sync_to_async(lambda: connection.close())()

    begun = asyncio.Event()
    asyncio.run(stay())
    assert [message.get("status") for message in sent] == [200 if has_begun else 503, None]
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def _do(end: Callable[[str], Any], slug: str) -> None:
    try:
        end(slug)
    finally:
        connection.close()
