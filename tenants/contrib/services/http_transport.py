"""The connections to one service: made only to where it may be, kept for the next request, closed with the last one."""

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

KEPT_OPEN = 15.0
"""Seconds that an idle connection is kept: less than servers keep theirs, so that none is closed under a request."""

_WITHOUT_BODY = frozenset(["GET", "HEAD", "OPTIONS"])
"""Methods of which nobody expects a body, so that it need not be said that there is none."""

SENT_AT_ONCE = 64 * 1024
"""Bytes of a body that are written before the answer is looked at; what is longer is written beside that."""

_TAKEN = 20
"""Connections that are looked at for one request, before there is one on which nothing has come."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no value of a header has in it (RFC 9110 §5.5)."""

Body = bytes | AsyncIterable[bytes] | None


class NotHTTP(aiohttp.ClientError):
    """What came is no answer as HTTP has it."""


class Received:
    """An answer that has begun. Its connection is given back with its last byte; until then it has to be closed."""

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
        """Sends the rest of the request: an answer may begin before that has ended."""
        content.on_eof(self._end)

    def _end(self) -> None:
        if self._sending is not None and not self._sending.done():
            self._hang_up()
        self._connection.release()

    def close(self) -> None:
        """Close the connection if the answer has not come to its end."""
        self._hang_up()
        self.content = EMPTY_PAYLOAD  # the other one knows this object, and what is left in it would stay with both

    def _hang_up(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._connection.close()


class _Connector(aiohttp.TCPConnector):
    """Gives no connection on which something has come already: what was never asked for is nobody's answer."""

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """Return a connection as aiohttp's own does; raise `NotHTTP` if the service speaks on all of them."""
        for _ in range(_TAKEN):
            connection = await super().connect(*args, **options)
            if not cast(ResponseHandler, connection.protocol).should_close:
                return connection
            connection.close()
        raise NotHTTP("It speaks before it is asked.")


class Connections:
    """The connections to one service's addresses; none is made to where the service may not be."""

    def __init__(self, service: ServiceInfo) -> None:
        self._ranges = service.private_ranges
        self.in_use = 0
        self._retired = False
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=service.connect_seconds)
        self._connector = _Connector(
            limit=0, keepalive_timeout=KEPT_OPEN, socket_factory=self._socket, ttl_dns_cache=10
        )
        self._ways: dict[str, aiohttp.ClientRequest] = {}
        """By an address's URL, what the connector is asked for a connection with."""
        self.session = aiohttp.ClientSession(
            connector=self._connector,
            # Nothing of one tenant's answer may be remembered for another's request.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=self._timeout,
        )
        """For what comes seldom, the handshakes of WebSockets and health checks: `ask` is for requests."""
        # Else it sends a handshake a second time by itself, past the circuit breaker. There is no public name for that.
        self.session._retry_connection = False

    def _socket(self, found: Any) -> socket.socket:
        """Make the socket of a connection, whose IP address is settled here and cannot change any more."""
        family, kind, protocol, _, to = found
        if not is_allowed(to[0], self._ranges):
            raise PermissionError(f"{to[0]} is in no private range that the service may be in")
        return socket.socket(family, kind, protocol)

    async def ask(self, url: str, method: str, target: str, headers: CIMultiDict[str], body: Body) -> Received:
        """Send one request to an address, and return the answer as soon as it has begun.

        `url` is the address's, `target` what stands in the request line; `headers` are sent as they are, but for those
        that say where the body ends. Raises `aiohttp.ClientError` and `OSError`.

        aiohttp's session and its requests do more, with redirects, cookies, credentials, proxies and a second try past
        the service's retries and their budget: none of it has a place here, and it takes as long as all that the
        gateway does itself. What is called instead has public names in aiohttp, but little of it is documented: the
        gateway's tests see it if an update changes that.
        """
        connection = await self._connect(url)
        sending = None
        try:
            protocol = cast(ResponseHandler, connection.protocol)
            protocol.set_response_params(skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False)
            writer = StreamWriter(protocol, self._loop)
            _settle_length(method, headers, body, writer)
            await writer.write_headers(f"{method} {target} HTTP/1.1", headers)
            if body is None or (isinstance(body, bytes) and len(body) <= SENT_AT_ONCE):
                await writer.write_eof(body or b"")
            else:
                sending = self._loop.create_task(_send(body, writer, protocol))
            message, content = await _answer(protocol)
        except BaseException:
            if sending is not None:
                sending.cancel()
            connection.close()
            raise
        return Received(connection, message, content, sending)

    async def _connect(self, url: str) -> Connection:
        way = self._ways.get(url)
        if way is None:
            way = self._ways[url] = aiohttp.ClientRequest("GET", URL(url), loop=self._loop, session=self.session)
        try:
            return await self._connector.connect(way, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"No connection to {url} in time") from error

    def retire(self) -> None:
        """Close them as soon as the last request in hand has ended."""
        self._retired = True
        self._close_if_unused()

    def release(self) -> None:
        """One request less uses them."""
        self.in_use -= 1
        if self._retired:
            self._close_if_unused()

    def _close_if_unused(self) -> None:
        if not self.in_use:
            self._closing = self._loop.create_task(self.session.close())


def _settle_length(method: str, headers: CIMultiDict[str], body: Body, writer: StreamWriter) -> None:
    """Say how long the body is, or that it comes in chunks, whatever the headers said of that."""
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


async def _send(body: bytes | AsyncIterable[bytes], writer: StreamWriter, protocol: ResponseHandler) -> None:
    """Send a body as it comes; where that fails, whoever waits for the answer is told."""
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


async def _answer(protocol: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Return the beginning of the answer, past those that only say that there will be one (RFC 9110 §15.2)."""
    while True:
        try:
            message, content = await protocol.read()
        except HttpProcessingError as error:
            raise NotHTTP(str(error)) from error
        if message.code == 101:
            raise NotHTTP("It changes to another protocol, which nobody has asked for.")
        if message.code >= 200:
            if any(map(_CONTROL.search, message.headers.values())):
                raise NotHTTP("One of its headers has a control character in it.")
            return message, content
