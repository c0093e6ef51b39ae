"""Limits of a gateway for strangers: WebSockets, slow bodies and idle connections."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import WSServerHandshakeError

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.contrib.gateway import connection_limits
from tenants.contrib.gateway.connection_limits import ClientConnections, max_connections
from tenants.contrib.gateway.limits import MAX_REJECTION_DELAY, MAX_UPLOADS, REJECTION_INTERVAL, RejectionPacer
from tenants.models import Tenant
from tenants.registry.lookup import registry
from tests.tenants.contrib.gateway.conftest import Front
from tests.tenants.contrib.gateway.upstreams import Telling
from tests.waiting import eventually


async def open_sockets(front: Front, shop: TenantInfo, number: int, **headers: str) -> tuple[int, int, int]:
    """Open WebSockets until one is refused; return how many were open, its status, how many after one was closed."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        url, sent = f"http://127.0.0.1:{front.port}/live/", {"Host": shop.host, **headers}
        ends: list[Any] = []
        while len(ends) < number:
            try:
                ends.append(await stack.enter_async_context(session.ws_connect(url, headers=sent)))
            except WSServerHandshakeError as refused:
                opened = len(ends)
                await ends[0].close()
                for _ in range(2_000):
                    if len(front.gateway.websockets.open) < opened:
                        break
                    await asyncio.sleep(0.01)
                ends.append(await stack.enter_async_context(session.ws_connect(url, headers=sent)))
                return opened, refused.status, len(front.gateway.websockets.open)
        return len(ends), 0, len(ends)


@pytest.mark.parametrize("bound", ["ADDRESS_SOCKETS", "TENANT_SOCKETS"])
def test_websockets_are_bounded_by_address_and_by_tenant(
    front: Front, shop: TenantInfo, settings: Any, bound: str
) -> None:
    """Fault 59: one stranger had 600 WebSockets open."""
    front.behind(Telling(), prefixes="/live/")
    settings.TENANTS = {**settings.TENANTS, bound: 3}
    assert front.loop.run(open_sockets(front, shop, 10)) == (3, 503, 3)


def test_websockets_behind_a_proxy_are_counted_by_the_clients_address(
    front: Front, shop: TenantInfo, settings: Any
) -> None:
    """Fault 59: behind a proxy, the bound is each visitor's and not the proxy's."""
    front.behind(Telling(), prefixes="/live/")
    settings.TENANTS = {**settings.TENANTS, "ADDRESS_SOCKETS": 1, "TRUSTED_PROXIES": 1}

    async def main() -> list[int]:
        first, second = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{front.port}/live/"
            statuses = []
            async with AsyncExitStack() as stack:
                for headers in (first, second, first):
                    try:
                        ws = session.ws_connect(url, headers={"Host": shop.host, **headers})
                        await stack.enter_async_context(ws)
                        statuses.append(101)
                    except WSServerHandshakeError as refused:
                        statuses.append(refused.status)
            return statuses

    assert front.loop.run(main()) == [101, 101, 503]


@pytest.mark.parametrize("length", [100, 100_000])
def test_slow_bodies_hold_no_place_of_their_shop(
    front: Front, live_tenant: TenantInfo, settings: Any, length: int
) -> None:
    """Fault 47: at the gateway too, a body that does not come closes no page of its shop."""
    shop = live_tenant
    front.behind(Telling(), attempt_seconds=60.0)
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(max_concurrency=1, max_queue=0)
    registry.clear()
    settings.TENANTS = {**settings.TENANTS, "GATEWAY_LIMITS_FACTOR": 1, "GATEWAY_CONCURRENCY": 1}
    head = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: {length}\r\n\r\n".encode()
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 60)) for _ in range(3)]
        for connection in slow:
            connection.sendall(head + b"a")
        for _ in range(5):
            assert front.ask(shop).status == 200
        for connection in slow:
            connection.sendall(b"a" * (length - 1))
            assert connection.recv(65536).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))


def test_full_shop_is_refused_before_a_body_or_token_is_looked_at(
    front: Front, live_tenant: TenantInfo, settings: Any
) -> None:
    shop = live_tenant
    front.behind(Telling(), attempt_seconds=60.0)
    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=shop.id).update(max_rate=1, max_burst=1)
    registry.clear()
    settings.TENANTS = {**settings.TENANTS, "GATEWAY_LIMITS_FACTOR": 1}
    assert front.ask(shop).status == 200
    front.gateway._limits._requests._buckets[shop.id].tokens = -1_000.0
    head = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nAuthorization: Bearer void\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", front.port), 180) as connection:
        connection.sendall(head.encode())  # and never the body
        assert connection.recv(65536).startswith(b"HTTP/1.1 429")


def test_refusals_of_a_burst_are_sent_one_after_the_other() -> None:
    async def main() -> list[float]:
        pacer, loop = RejectionPacer(), asyncio.get_running_loop()
        begun = loop.time()

        async def refusal() -> float:
            await pacer.wait()
            return loop.time() - begun

        return await asyncio.gather(*(refusal() for _ in range(20)))

    for number, seconds in enumerate(asyncio.run(main())):
        assert seconds >= number * REJECTION_INTERVAL


def test_refusal_behind_too_many_others_does_not_wait() -> None:
    async def main() -> bool:
        pacer, loop = RejectionPacer(), asyncio.get_running_loop()
        pacer._next = loop.time() + MAX_REJECTION_DELAY + 3_600
        await pacer.wait()
        return pacer._next > loop.time() + MAX_REJECTION_DELAY

    assert asyncio.run(main())


def test_bodies_of_one_address_at_once_are_bounded(front: Front, shop: TenantInfo) -> None:
    """Fault 47: each body that comes slowly has a slot of its address."""
    front.behind(Telling(), attempt_seconds=60.0)
    head = f"POST / HTTP/1.1\r\nHost: {shop.host}\r\nContent-Length: 100000\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(MAX_UPLOADS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 60))
            connection.sendall(head + b"a")
        entry = front.gateway._limits._uploads
        assert eventually(lambda: len(entry) and entry._buckets[("address", "127.0.0.1")].running == MAX_UPLOADS)
        refused = front.ask(shop, "/", "POST", b"a")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
        assert front.ask(shop).status == 200
    assert eventually(lambda: front.ask(shop, "/", "POST", b"a").status == 200)


def test_connections_that_ask_for_nothing_are_bounded(
    front: Front, shop: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 34: half-open connections of one address do not block other clients."""
    front.behind(Telling())
    monkeypatch.setattr(connection_limits, "MAX_OF_ADDRESS", 20)
    with ExitStack() as stack:
        for number in range(60):
            half_open = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 60))
            with_pause = b"GET / HTTP/1.1\r\n" if number % 2 else b""
            half_open.sendall(with_pause)
        elsewhere = socket.create_connection(("127.0.0.1", front.port), 60, ("127.0.0.9", 0))
        with stack.enter_context(elsewhere) as other:
            other.sendall(f"GET / HTTP/1.1\r\nHost: {shop.host}\r\nConnection: close\r\n\r\n".encode())
            assert other.recv(65536).startswith(b"HTTP/1.1 200")


def test_the_oldest_connection_without_a_request_makes_room(front: Front, shop: TenantInfo) -> None:
    """Fault 34: where all connections are taken, one that asks for nothing is closed for one that may ask."""
    front.behind(Telling())
    front.clients._maximum = 10
    with ExitStack() as stack:
        for number in range(30):
            address = (f"127.0.0.{number + 2}", 0)
            stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 60, address))
        assert front.ask(shop).status == 200
        assert len(front.clients) <= 10


def test_a_gateway_has_more_files_than_a_thousand_connections_need() -> None:
    """Fault 34: 1,100 half-open connections are fewer than it keeps, where the system allows that."""
    assert max_connections() >= min(1_200, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 100)
    assert len(ClientConnections(1)) == 0
