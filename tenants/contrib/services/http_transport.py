"""HTTP transport to one service: a connection pool that connects to allowed addresses only."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterable
from typing import Any, cast

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage, StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict
from yarl import URL

from tenants.contrib.services.networks import is_allowed
from tenants.contrib.services.types import ServiceInfo

KEEPALIVE_SECONDS = 15.0
"""How long idle connections are kept: shorter than servers keep theirs, so that none is closed under a request."""

_WITHOUT_BODY = frozenset(["GET", "HEAD", "OPTIONS"])
"""Methods whose requests need no Content-Length: 0."""

MAX_INLINE_BODY = 64 * 1024
"""Bytes of a body that are written before the response is read; a larger one is written by a task meanwhile."""

_MAX_TRIES = 20
"""Pooled connections that are tried for one request."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Characters that no header value may contain (RFC 9110 §5.5)."""

Body = bytes | AsyncIterable[bytes] | None


class InvalidResponse(aiohttp.ClientError):
    """A response that violates HTTP."""


class TransportResponse:
    """A response that has begun. Its connection is released with the last byte; until then it has to be closed."""

    def __init__(
        self,
        connection: Connection,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        sending: asyncio.Task[None] | None,
    ) -> None:
        self.status = message.code
        self.reason = message.reason
        self.headers = message.headers
        self.content = content
        self._connection = connection
        self._sending = sending
        """Sends the rest of the request, which may end after the response has begun."""
        content.on_eof(self._end)

    def _end(self) -> None:
        if self._sending is not None and not self._sending.done():
            self._disconnect()
        self._connection.release()

    def close(self) -> None:
        """Close the connection unless the response was read to its end."""
        self._disconnect()
        self.content = EMPTY_PAYLOAD  # the closed connection keeps a reference to the unread content

    def _disconnect(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._connection.close()


class _Connector(aiohttp.TCPConnector):
    """Skips idle connections on which data has arrived: it is the response to no request."""

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """Return a connection; raise `InvalidResponse` if data has arrived on all of them."""
        for _ in range(_MAX_TRIES):
            connection = await super().connect(*args, **options)
            if not cast(ResponseHandler, connection.protocol).should_close:
                return connection
            connection.close()
        raise InvalidResponse("Data arrived before a request was sent.")


class ConnectionPool:
    """Connections to the addresses of one service, within its private ranges or the public internet."""

    def __init__(self, service: ServiceInfo) -> None:
        self._ranges = service.private_ranges
        self.in_use = 0
        self._retired = False
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=service.connect_seconds)
        self._connector = _Connector(
            limit=0, keepalive_timeout=KEEPALIVE_SECONDS, socket_factory=self._socket, ttl_dns_cache=10
        )
        self._targets: dict[str, aiohttp.ClientRequest] = {}
        """By an address's URL, the object by which the connector identifies it."""
        self.session = aiohttp.ClientSession(
            connector=self._connector,
            # A cookie from one tenant's response must not be sent with another's request.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=self._timeout,
        )
        """For rare requests, WebSocket handshakes and health checks; all others use `request`."""
        # The session would repeat a handshake by itself, bypassing the circuit breaker. There is no public option.
        self.session._retry_connection = False

    def _socket(self, address_info: Any) -> socket.socket:
        """Create the socket of a connection to an IP address, after DNS resolution."""
        family, kind, protocol, _, address = address_info
        if not is_allowed(address[0], self._ranges):
            raise PermissionError(f"{address[0]} is outside the private ranges of the service")
        return socket.socket(family, kind, protocol)

    async def request(
        self, url: str, method: str, target: str, headers: CIMultiDict[str], body: Body
    ) -> TransportResponse:
        """Send one request to an address, and return the response as soon as it has begun.

        `url` is the address, `target` the request line's path and query. `headers` are sent unchanged, except those
        that delimit the body. Raises `aiohttp.ClientError` and `OSError`.

        aiohttp's session would add redirects, cookies, credentials, proxies and retries beyond the retry budget, none
        of which applies here, and take as long as everything else in the gateway. The methods used instead are public,
        but hardly documented: the gateway's tests show if an update of aiohttp changes them.
        """
        connection = await self._connect(url)
        sending = None
        try:
            protocol = cast(ResponseHandler, connection.protocol)
            protocol.set_response_params(skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False)
            writer = StreamWriter(protocol, self._loop)
            _set_body_length(method, headers, body, writer)
            await writer.write_headers(f"{method} {target} HTTP/1.1", headers)
            if body is None or (isinstance(body, bytes) and len(body) <= MAX_INLINE_BODY):
                await writer.write_eof(body or b"")
            else:
                sending = self._loop.create_task(_send_body(body, writer, protocol))
            message, content = await _read_response(protocol)
        except BaseException:
            if sending is not None:
                sending.cancel()
            connection.close()
            raise
        return TransportResponse(connection, message, content, sending)

    async def _connect(self, url: str) -> Connection:
        target = self._targets.get(url)
        if target is None:
            target = aiohttp.ClientRequest("GET", URL(url), loop=self._loop, session=self.session)
            self._targets[url] = target
        try:
            return await self._connector.connect(target, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"No connection to {url} in time") from error

    def retire(self) -> None:
        """Close all connections when the last running request has ended."""
        self._retired = True
        self._close_if_unused()

    def release(self) -> None:
        self.in_use -= 1
        if self._retired:
            self._close_if_unused()

    def _close_if_unused(self) -> None:
        if not self.in_use:
            self._closing = self._loop.create_task(self.session.close())


def _set_body_length(method: str, headers: CIMultiDict[str], body: Body, writer: StreamWriter) -> None:
    """Set Content-Length or Transfer-Encoding for the body, replacing what the headers say."""
    headers.popall(hdrs.TRANSFER_ENCODING, None)
    if isinstance(body, bytes):
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
    elif body is None:
        headers.popall(hdrs.CONTENT_LENGTH, None)
        if method not in _WITHOUT_BODY:
            headers[hdrs.CONTENT_LENGTH] = "0"
    elif hdrs.CONTENT_LENGTH in headers:
        writer.length = int(headers[hdrs.CONTENT_LENGTH])
    else:
        headers[hdrs.TRANSFER_ENCODING] = "chunked"
        writer.enable_chunking()


async def _send_body(body: bytes | AsyncIterable[bytes], writer: StreamWriter, protocol: ResponseHandler) -> None:
    """Send a body as it arrives; pass an error on to the reader of the response."""
    try:
        writer.send_headers()
        if isinstance(body, bytes):
            await writer.write_eof(body)
            return
        async for chunk in body:
            await writer.write(chunk)
        await writer.write_eof()
    except Exception as error:
        protocol.set_exception(aiohttp.ClientConnectionError(f"The body could not be sent: {error!r}"), error)


async def _read_response(protocol: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Return status and headers of the final response, after interim ones (RFC 9110 §15.2)."""
    while True:
        try:
            message, content = await protocol.read()
        except HttpProcessingError as error:
            raise InvalidResponse(str(error)) from error
        if message.code == 101:
            raise InvalidResponse("It switches to another protocol without a request.")
        if message.code >= 200:
            if any(map(_CONTROL.search, message.headers.values())):
                raise InvalidResponse("A header contains a control character.")
            return message, content
