"""Relay of WebSockets: connects to the service, then accepts the client, then passes messages in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import WSMsgType, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.gateway.proxy import upstream_headers, upstream_target
from tenants.contrib.gateway.routing import ProxyRequest
from tenants.contrib.limits.websockets import socket_slots
from tenants.contrib.observability.request_context import REQUEST_ID
from tenants.contrib.services.endpoints import Endpoint
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.upstreams import Upstream

MAX_MESSAGE = 1024 * 1024
"""Bytes of one message; a longer one closes the WebSocket with 1009."""
HEARTBEAT = 30.0
"""Seconds of silence after which the client is pinged."""
CLOSE_TIMEOUT = 5.0
"""Seconds for the closing handshake."""
RECHECK_SECONDS = 2.0
"""Interval of the checks that the WebSocket is still allowed, which are answered from memory."""

_GOING_AWAY, _BAD_GATEWAY = 1001, 1014
_NOT_SENT = {0, 1005, 1006, 1015}
"""Close codes that only a program sees, never the network (RFC 6455 §7.4.1)."""

Socket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


class WebSocketRelay:
    """The open WebSockets of one gateway."""

    def __init__(self) -> None:
        self.open: set[web.WebSocketResponse] = set()

    async def relay(
        self, proxied: ProxyRequest, upstream: Upstream, is_allowed: Callable[[], Awaitable[bool]]
    ) -> web.WebSocketResponse:
        """Connect client and service until one of them closes, or `is_allowed` says no."""
        with socket_slots(proxied.route.tenant, proxied.client or None) as rejection:
            if rejection:
                raise GatewayError(503, rejection, kind="too-many-at-once", headers={"Retry-After": "10"})
            endpoint, service_end = await _connect(proxied, upstream)
            pool = upstream.pool
            pool.in_use += 1
            endpoint.sockets += 1
            try:
                return await self._accept(proxied, service_end, is_allowed)
            finally:
                endpoint.sockets -= 1
                await service_end.close()
                pool.release()

    async def _accept(
        self,
        proxied: ProxyRequest,
        service_end: aiohttp.ClientWebSocketResponse,
        is_allowed: Callable[[], Awaitable[bool]],
    ) -> web.WebSocketResponse:
        client_end = web.WebSocketResponse(
            protocols=[service_end.protocol] if service_end.protocol else [],
            autoping=False, autoclose=False, compress=False, heartbeat=HEARTBEAT,
            max_msg_size=MAX_MESSAGE, timeout=CLOSE_TIMEOUT,
        )  # fmt: skip
        client_end.headers[REQUEST_ID] = proxied.context.request_id
        await client_end.prepare(proxied.request)
        self.open.add(client_end)
        watch = asyncio.create_task(_close_when_disallowed(client_end, is_allowed))
        try:
            await _pass_both_ways(client_end, service_end)
        finally:
            watch.cancel()
            self.open.discard(client_end)
        return client_end

    async def close(self) -> None:
        await asyncio.gather(*(socket.close(code=_GOING_AWAY) for socket in list(self.open)))


async def _close_when_disallowed(client_end: web.WebSocketResponse, is_allowed: Callable[[], Awaitable[bool]]) -> None:
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        if not await is_allowed():
            await client_end.close(code=_GOING_AWAY)
            return


async def _connect(proxied: ProxyRequest, upstream: Upstream) -> tuple[Endpoint, aiohttp.ClientWebSocketResponse]:
    tenant, name = proxied.route.tenant.id, upstream.service.name
    tried: list[Endpoint] = []
    last: ServiceFailed | None = None
    while (endpoint := upstream.choose(tenant, tried)) is not None and endpoint not in tried:
        endpoint.start_request(tenant)
        try:
            socket = await _handshake(proxied, upstream, endpoint)
        except aiohttp.WSServerHandshakeError as error:
            endpoint.record_success(tenant)  # it responded
            status = error.status if 400 <= error.status < 600 else 502
            raise GatewayError(status, f"{name} refused the WebSocket.") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            endpoint.record_failure(tenant, error)
            tried.append(endpoint)
            last = ServiceFailed(name, "opened no WebSocket", 504 if isinstance(error, TimeoutError) else 502)
        except BaseException:
            endpoint.record_cancelled(tenant)
            raise
        else:
            endpoint.record_success(tenant)
            return endpoint, socket
    raise last or upstream.unavailable(tenant)


async def _handshake(proxied: ProxyRequest, upstream: Upstream, endpoint: Endpoint) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(upstream.service.attempt_seconds):
        return await upstream.pool.session.ws_connect(
            URL(endpoint.info.url + upstream_target(proxied), encoded=True),
            headers=_handshake_headers(proxied),
            protocols=_protocols(proxied.request),
            autoping=False,
            autoclose=False,
            max_msg_size=MAX_MESSAGE,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
        )


def _handshake_headers(proxied: ProxyRequest) -> CIMultiDict[str]:
    headers = upstream_headers(proxied)
    for name in [name for name in headers if name.lower().startswith("sec-websocket-")]:
        headers.popall(name, None)
    return headers


def _protocols(request: web.BaseRequest) -> list[str]:
    protocols = ",".join(request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, []))
    return [protocol.strip() for protocol in protocols.split(",") if protocol.strip()]


async def _pass_both_ways(client_end: web.WebSocketResponse, service_end: aiohttp.ClientWebSocketResponse) -> None:
    """Pass messages in both directions until one end closes, then close the other with the same code."""
    back = asyncio.create_task(_pass(service_end, client_end))
    try:
        await _pass(client_end, service_end)
        await asyncio.wait([back], timeout=CLOSE_TIMEOUT)
    finally:
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)


async def _pass(source: Socket, sink: Socket) -> None:
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
        pass  # the sink is gone; the other direction sees its close code
    await _close_both(source, sink)


async def _close_both(source: Socket, sink: Socket) -> None:
    """Close both ends with the code of the one that closed first."""
    code = source.close_code
    sent = _BAD_GATEWAY if code is None or code in _NOT_SENT - {1005} else 1000 if code == 1005 else code
    await sink.close(code=sent)
    await source.close(code=sent)
