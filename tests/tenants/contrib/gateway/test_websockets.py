"""WebSockets are forwarded both ways, and closed on both sides."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from tenants import TenantInfo
from tenants.contrib.gateway.websockets import RECHECK_SECONDS
from tenants.contrib.services.identity import HEADER, verify
from tenants.contrib.services.keys import service_keys
from tenants.lifecycle import delete_tenant, sign_out_tenant, suspend_tenant
from tests.tenants.contrib.gateway import upstreams
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Failing, Telling
from tests.waiting import eventually


async def talk(front: Front, shop: TenantInfo, path: str, *says: Any, **options: Any) -> list[Any]:
    """Open a WebSocket, send something, and return what was received, the close code last."""
    headers = {"Host": shop.host, **options.pop("headers", {})}
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{front.port}{path}"
        async with session.ws_connect(url, headers=headers, autoping=False, **options) as ws:
            heard: list[Any] = [await ws.receive_json(timeout=180)]
            for word in says:
                if word == "ping":
                    await ws.ping(b"p")
                elif isinstance(word, bytes):
                    await ws.send_bytes(word)
                else:
                    await ws.send_str(word)
                message = await ws.receive(timeout=180)
                heard.append(message.data if message.type is not WSMsgType.CLOSE else ws.close_code)
            await ws.close()
            return [*heard, ws.protocol]


def test_messages_pass_both_ways(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling(), prefixes="/live/")
    heard = front.loop.run(talk(front, shop, "/live/x?a=b", "hello", b"\0\1", "ping", protocols=["chat", "other"]))
    assert heard[1:] == ["hello", b"\0\1", b"p", "chat"]
    assert heard[0]["target"] == "/live/x?a=b"
    headers = heard[0]["headers"]
    assert headers["Host"] == shop.host
    identity = verify(headers[HEADER], service="telling", keys=service_keys("telling"))
    assert identity.tenant == shop.id


def test_the_services_goodbye_reaches_the_client(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    heard = front.loop.run(talk(front, shop, "/", "bye"))
    assert heard[1] == 4001


def test_a_service_that_says_no_is_quoted(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())
    with pytest.raises(WSServerHandshakeError) as refused:
        front.loop.run(talk(front, shop, "/no"))
    assert refused.value.status == 403


@pytest.mark.parametrize(("fault", "status"), [(upstreams.kill, 502), (upstreams.hang, 504)])
def test_a_service_that_fails_is_told_by_its_code(front: Front, shop: TenantInfo, fault: Any, status: int) -> None:
    failing = Failing(fault)
    front.behind(failing, attempt_seconds=0.5 if status == 504 else 30.0)
    with pytest.raises(WSServerHandshakeError) as refused:
        front.loop.run(talk(front, shop, "/"))
    assert refused.value.status == status
    assert failing.asked == 1


def test_another_address_is_tried(front: Front, shop: TenantInfo) -> None:
    front.behind(Failing(upstreams.kill), Telling())
    for _ in range(6):
        assert front.loop.run(talk(front, shop, "/", "hello"))[1] == "hello"


def test_pages_of_strangers_open_none(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling(), runs_sangga=True)
    with pytest.raises(WSServerHandshakeError) as refused:
        front.loop.run(talk(front, shop, "/", headers={"Origin": "http://evil.example"}))
    assert refused.value.status == 403
    assert front.loop.run(talk(front, shop, "/", "hello", headers={"Origin": f"http://{shop.host}"}))[1] == "hello"


def test_a_client_that_vanishes_is_let_go_of(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())

    async def vanish() -> None:
        session = aiohttp.ClientSession()
        ws = await session.ws_connect(f"http://127.0.0.1:{front.port}/", headers={"Host": shop.host})
        await ws.receive_json()
        assert len(front.gateway.websockets.open) == 1
        ws._response.connection.transport.abort()  # type: ignore[union-attr]
        await session.close()

    front.loop.run(vanish())
    (address,) = front.gateway.upstreams.by_name["telling"].endpoints
    assert eventually(lambda: not front.gateway.websockets.open)
    assert eventually(lambda: address.sockets == 0)


def test_many_are_open_at_once(front: Front, shop: TenantInfo, settings: Any) -> None:
    settings.TENANTS = {**settings.TENANTS, "ADDRESS_SOCKETS": 0}  # all are of one client's address
    front.behind(Telling(), attempt_seconds=60.0)

    async def crowd() -> int:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            url, headers = f"http://127.0.0.1:{front.port}/", {"Host": shop.host}
            sockets = await asyncio.gather(*(session.ws_connect(url, headers=headers) for _ in range(100)))
            for number, ws in enumerate(sockets):
                await ws.receive_json()
                await ws.send_str(str(number))
            heard = [await ws.receive_str() for ws in sockets]
            await asyncio.gather(*(ws.close() for ws in sockets))
            return sum(word == str(number) for number, word in enumerate(heard))

    assert front.loop.run(crowd()) == 100
    assert eventually(lambda: not front.gateway.websockets.open)


@pytest.mark.parametrize("action", ["suspended", "signed out", "deleted", "not granted", "service off"])
def test_one_ends_when_none_would_be_opened_any_more(front: Front, live_tenant: TenantInfo, action: str) -> None:
    service = front.behind(Telling())

    async def opened() -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
        session = aiohttp.ClientSession()
        url = f"http://127.0.0.1:{front.port}/"
        return session, await session.ws_connect(url, headers={"Host": live_tenant.host})

    async def heard(ws: aiohttp.ClientWebSocketResponse, word: str = "") -> Any:
        if word:
            await ws.send_str(word)
        message = await ws.receive(timeout=60)
        return message.data if message.type is WSMsgType.TEXT else ws.close_code

    session, ws = front.loop.run(opened())
    assert "headers" in front.loop.run(heard(ws))
    assert front.loop.run(heard(ws, "hello")) == "hello"
    {
        "suspended": lambda: suspend_tenant(live_tenant.slug),
        "signed out": lambda: sign_out_tenant(live_tenant.slug),
        "deleted": lambda: delete_tenant(live_tenant.slug),
        "not granted": lambda: front.change(service, every_tenant=False),
        "service off": lambda: front.change(service, is_active=False),
    }[action]()
    assert front.loop.run(heard(ws)) == 1001
    assert eventually(lambda: not front.gateway.websockets.open)
    front.loop.run(session.close())


def test_one_stays_open_when_it_is_looked_at_again(front: Front, shop: TenantInfo) -> None:
    front.behind(Telling())

    async def talk_on() -> str:
        headers = {"Host": shop.host}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{front.port}/", headers=headers) as ws,
        ):
            await ws.receive_json(timeout=180)
            await asyncio.sleep(1.5 * RECHECK_SECONDS)
            await ws.send_str("hello")
            return str((await ws.receive(timeout=180)).data)

    assert front.loop.run(talk_on()) == "hello"
