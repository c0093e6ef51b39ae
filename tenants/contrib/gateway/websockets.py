"""WebSockets through the gateway: connected to the service first, then to the client, then message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import aiohttp
from aiohttp import WSMsgType, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from tenants.context import TenantInfo
from tenants.contrib.gateway.context import Arrival
from tenants.contrib.gateway.errors import Refused
from tenants.contrib.gateway.headers import client_of
from tenants.contrib.gateway.proxy import headers_of, target_of
from tenants.contrib.limits.websockets import socket_slots
from tenants.contrib.observability.request_context import REQUEST_ID
from tenants.contrib.services.endpoints import Address
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.upstreams import Upstream
from tenants.hosts import authority_of

LARGEST_MESSAGE = 1024 * 1024
"""Bytes of one message; a longer one ends the connection with 1009."""
HEARTBEAT = 30.0
"""Seconds after which a silent client is asked whether it is there yet."""
CLOSING = 5.0
"""Seconds that the other end has to say goodbye."""
LOOKING = 2.0
"""Seconds after which it is looked again whether a tenant may have its WebSockets still. Memory tells."""

_GOING_AWAY, _BAD_GATEWAY = 1001, 1014
_NOT_SENT = {0, 1005, 1006, 1015}
"""Codes that tell a program something, and never stand in a message (RFC 6455 §7.4.1)."""

Socket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


def is_websocket(request: web.BaseRequest) -> bool:
    """Tell whether a request asks to go on as a WebSocket."""
    if request.method != "GET" or request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        return False
    words = request.headers.get(hdrs.CONNECTION, "").lower().split(",")
    return "upgrade" in (word.strip() for word in words)


class Sockets:
    """The WebSockets of one gateway, so that they can be ended with it."""

    def __init__(self, may_stay: Callable[[Arrival], Awaitable[bool]]) -> None:
        self._may_stay = may_stay
        self.open: set[web.WebSocketResponse] = set()

    async def relay(self, arrival: Arrival, upstream: Upstream) -> web.WebSocketResponse:
        """Connect client and service for as long as both want; raise `Refused` or `ServiceFailed` before that."""
        _check_origin(arrival)
        tenant = cast(TenantInfo, arrival.tenant)
        with socket_slots(tenant, client_of(arrival.request)[0] or None) as refusal:
            if refusal:
                raise Refused(503, refusal, kind="too-many-at-once", headers={"Retry-After": "10"})
            return await self._relay(arrival, upstream)

    async def _relay(self, arrival: Arrival, upstream: Upstream) -> web.WebSocketResponse:
        address, service_end = await _connect(arrival, upstream)
        connections = upstream.connections
        connections.in_use += 1
        address.sockets += 1
        try:
            client_end = web.WebSocketResponse(
                protocols=[service_end.protocol] if service_end.protocol else [],
                autoping=False, autoclose=False, compress=False, heartbeat=HEARTBEAT,
                max_msg_size=LARGEST_MESSAGE, timeout=CLOSING,
            )  # fmt: skip
            client_end.headers[REQUEST_ID] = arrival.call.request_id
            await client_end.prepare(arrival.request)
            self.open.add(client_end)
            watch = asyncio.create_task(self._watch(client_end, arrival))
            try:
                await _relay(client_end, service_end)
            finally:
                watch.cancel()
                self.open.discard(client_end)
            return client_end
        finally:
            address.sockets -= 1
            await service_end.close()
            connections.release()

    async def _watch(self, client_end: web.WebSocketResponse, arrival: Arrival) -> None:
        """End a socket when a new one would not be opened any more: it would go on for hours."""
        while True:
            await asyncio.sleep(LOOKING)
            if not await self._may_stay(arrival):
                await client_end.close(code=_GOING_AWAY)
                return

    async def close(self) -> None:
        """End all of them: the gateway goes."""
        await asyncio.gather(*(socket.close(code=_GOING_AWAY) for socket in list(self.open)))


def _check_origin(arrival: Arrival) -> None:
    """Refuse pages of strangers: a browser would send the cookies of this host along."""
    origin = arrival.request.headers.get(hdrs.ORIGIN)
    if origin is not None and authority_of(origin) != arrival.request.headers[hdrs.HOST].lower():
        raise Refused(403, "A WebSocket is opened by pages of the same host alone.")


async def _connect(arrival: Arrival, upstream: Upstream) -> tuple[Address, aiohttp.ClientWebSocketResponse]:
    tenant = cast(TenantInfo, arrival.tenant).id
    tried: list[Address] = []
    last: ServiceFailed | None = None
    while (address := upstream.choose(tenant, tried)) is not None and address not in tried:
        address.begin(tenant)
        try:
            socket = await _handshake(arrival, upstream, address)
        except aiohttp.WSServerHandshakeError as error:
            address.succeeded(tenant)  # it is there, and says no
            raise Refused(
                error.status if 400 <= error.status < 600 else 502, f"{upstream.service.name} opens no WebSocket here."
            ) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            address.failed(tenant, error)
            tried.append(address)
            status = 504 if isinstance(error, TimeoutError) else 502
            last = ServiceFailed(upstream.service.name, "opened no WebSocket", status)
        except BaseException:
            address.gave_up(tenant)
            raise
        else:
            address.succeeded(tenant)
            return address, socket
    raise last or upstream.unavailable(tenant)


async def _handshake(arrival: Arrival, upstream: Upstream, address: Address) -> aiohttp.ClientWebSocketResponse:
    service = upstream.service
    async with asyncio.timeout(service.attempt_seconds):
        return await upstream.connections.session.ws_connect(
            URL(address.info.url + target_of(arrival, service), encoded=True),
            headers=_handshake_headers(arrival, upstream),
            protocols=_protocols(arrival.request),
            autoping=False,
            autoclose=False,
            max_msg_size=LARGEST_MESSAGE,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSING),
        )


def _handshake_headers(arrival: Arrival, upstream: Upstream) -> CIMultiDict[str]:
    headers = headers_of(arrival, upstream.service)
    for name in [name for name in headers if name.lower().startswith("sec-websocket-")]:
        headers.popall(name, None)
    return headers


def _protocols(request: web.BaseRequest) -> list[str]:
    asked = ",".join(request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, []))
    return [word.strip() for word in asked.split(",") if word.strip()]


async def _relay(client_end: web.WebSocketResponse, service_end: aiohttp.ClientWebSocketResponse) -> None:
    """Pass messages both ways until one end is done, and end the other one likewise."""
    back = asyncio.create_task(_pass_on(service_end, client_end))
    try:
        await _pass_on(client_end, service_end)
        await asyncio.wait([back], timeout=CLOSING)
    finally:
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)


async def _pass_on(source: Socket, sink: Socket) -> None:
    try:
        while True:
            message = await source.receive()
            if message.type is WSMsgType.TEXT:
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            elif message.type is WSMsgType.PING:
                await sink.ping(message.data)
            elif message.type is WSMsgType.PONG:
                await sink.pong(message.data)
            else:
                break
    except (ConnectionError, aiohttp.ClientError):
        pass  # the sink is gone; its own side says how it ends
    await _end(source, sink)


async def _end(source: Socket, sink: Socket) -> None:
    """Say goodbye to both ends with the code of the one that went first."""
    code = source.close_code
    told = _BAD_GATEWAY if code is None or code in _NOT_SENT - {1005} else 1000 if code == 1005 else code
    await sink.close(code=told)
    await source.close(code=told)
