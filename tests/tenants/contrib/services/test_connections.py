"""Connections to services: requests and responses, and what closes a connection."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
from multidict import CIMultiDict

from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.load_balancer import OutgoingRequest, UpstreamResponse, send
from tenants.contrib.services.types import AddressInfo, ServiceInfo
from tenants.contrib.services.upstreams import Upstream

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LARGE = b"x" * 30_000_000
"""More than the buffers of a connection take."""


@asynccontextmanager
async def behind(talk: Talk) -> AsyncIterator[Upstream]:
    """Give a service that talks like this."""

    under_way: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    address = AddressInfo(f"http://127.0.0.1:{port}")
    local = (ipaddress.ip_network("127.0.0.0/8"),)
    upstream = Upstream(ServiceInfo(name="it", addresses=(address,), private_ranges=local, retries=0))
    try:
        yield upstream
    finally:
        await upstream.pool.session.close()
        server.close()
        await asyncio.gather(*filter(None, under_way))


async def ask(
    upstream: Upstream,
    method: str = "GET",
    target: str = "/",
    body: bytes | AsyncIterator[bytes] | None = None,
    **headers: str,
) -> UpstreamResponse:
    named = CIMultiDict(
        {name.replace("_", "-"): value for name, value in {"Host": "acme.localhost", **headers}.items()}
    )
    deadline = asyncio.get_running_loop().time() + 60
    return await send(upstream, OutgoingRequest(method, target, named, tenant=1, deadline=deadline, body=body))


def told(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


async def slip_in(said_late: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with what is asked for, and once more by itself after `/first`."""
    while True:
        line = (await reader.readuntil(b"\r\n\r\n")).partition(b" HTTP")[0]
        writer.write(told(line.decode()))
        if line.endswith(b"/first"):
            await asyncio.sleep(0.05)
            writer.write(told("slipped in"))
            await writer.drain()
            said_late.set()


def test_unrequested_response_is_dropped() -> None:
    async def go() -> list[bytes | None]:
        said_late = asyncio.Event()
        async with behind(partial(slip_in, said_late)) as upstream:
            bodies = []
            for target in ("/first", "/second", "/third"):
                answer = await ask(upstream, target=target)
                bodies.append(answer.body)
                answer.close()
                await said_late.wait()
                await asyncio.sleep(0.05)  # until it has arrived
            return bodies

    assert asyncio.run(go()) == [b"GET /first", b"GET /second", b"GET /third"]


def test_nor_is_it_the_answer_to_a_health_check() -> None:
    async def go() -> str:
        said_late = asyncio.Event()
        async with behind(partial(slip_in, said_late)) as upstream:
            (await ask(upstream, target="/first")).close()
            await said_late.wait()
            await asyncio.sleep(0.05)  # until it has arrived
            url = upstream.service.addresses[0].url
            async with upstream.pool.session.get(f"{url}/health") as response:
                return await response.text()

    assert asyncio.run(go()) == "GET /health"


async def too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
    await reader.read(1)
    await asyncio.sleep(0.5)


async def too_much_and_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("talk", [too_much, too_much_and_away])
def test_an_answer_that_comes_before_a_large_body_has_gone_is_the_answer(talk: Talk) -> None:
    async def go() -> tuple[int, int]:
        async with behind(talk) as upstream:
            answer = await ask(upstream, "POST", body=LARGE)
            answer.close()
            return answer.status, upstream.endpoints[0].failures

    assert asyncio.run(go()) == (413, 0)


@pytest.mark.parametrize(
    ("method", "body", "headers", "ends"),
    [
        ("POST", b"abc", {"Transfer_Encoding": "chunked"}, ["content-length: 3"]),
        ("POST", b"abc", {"Content_Length": "12"}, ["content-length: 3"]),
        ("GET", None, {"Content_Length": "12"}, []),
        ("DELETE", None, {"Content_Length": "12", "Transfer_Encoding": "chunked"}, ["content-length: 0"]),
    ],
)
def test_where_a_body_ends_is_told_by_the_body(
    method: str, body: bytes | None, headers: dict[str, str], ends: list[str]
) -> None:
    heads: list[str] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(told(""))
        await writer.drain()

    async def go() -> None:
        async with behind(listen) as upstream:
            (await ask(upstream, method, body=body, **headers)).close()

    asyncio.run(go())
    lines = heads[0].split("\r\n")
    assert [line for line in lines if line.startswith(("content-length", "transfer-encoding"))] == ends


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


def test_a_service_that_hangs_up_while_a_body_is_awaited_is_at_fault() -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def go() -> int:
        async with behind(hang_up) as upstream:
            with pytest.raises(ServiceFailed) as refused:
                await ask(upstream, "PUT", body=never(), Content_Length="70000")
            assert refused.value.status == 502
            return upstream.endpoints[0].failures

    assert asyncio.run(go()) == 1


async def with_control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


def test_a_header_that_cannot_be_passed_on_is_no_answer() -> None:
    async def go() -> None:
        async with behind(with_control) as upstream:
            with pytest.raises(ServiceFailed, match="invalid HTTP"):
                await ask(upstream)

    asyncio.run(go())


async def without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
    await writer.drain()
    await reader.read()


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_nothing_stays_of_an_answer_that_was_broken_off(no_collector: None) -> None:
    async def go() -> object:
        async with behind(without_end) as upstream:
            answer = await ask(upstream)
            assert await anext(answer.chunks()) == b"begun"
            received = weakref.ref(answer._received)
            answer.close()
            del answer
            await asyncio.sleep(0.05)
            return received()

    assert asyncio.run(go()) is None
