"""The connections to one service: made only to where it may be, kept for the next request, closed with the last one."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import aiohttp
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict, istr
from yarl import URL

from tenants.services.facts import ServiceInfo
from tenants.services.ranges import is_allowed

KEPT_OPEN = 15.0
"""Seconds that an idle connection is kept: less than servers keep theirs, so that none is closed under a request."""

_UNSAID = ("User-Agent", "Content-Type")
"""Headers that aiohttp would add: what nobody has said is not said."""


class _Request(aiohttp.ClientRequest):
    """A request whose headers are complete when they are given, Host among them, and nobody else's."""

    DEFAULT_HEADERS: dict[istr, str] = {}  # as aiohttp declares it

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Take the headers as they are: to put them together once more, one by one, takes its time."""
        self.headers = cast(CIMultiDict[str], headers)


class Connections:
    """The connections to one service's addresses; none is made to where the service may not be."""

    def __init__(self, service: ServiceInfo) -> None:
        self._ranges = service.private_ranges
        self.in_use = 0
        self._retired = False
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=service.connect_seconds)
        self._connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEPT_OPEN, socket_factory=self._socket, ttl_dns_cache=10
        )
        self.session = aiohttp.ClientSession(
            connector=self._connector,
            # Nothing of one tenant's answer may be remembered for another's request.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("Accept", "Accept-Encoding", *_UNSAID),
            timeout=self._timeout,
        )
        """For what comes seldom, WebSockets and health checks: `ask` is for requests."""

    def _socket(self, found: Any) -> socket.socket:
        """Make the socket of a connection, whose IP address is settled here and cannot change any more."""
        family, kind, protocol, _, to = found
        if not is_allowed(to[0], self._ranges):
            raise PermissionError(f"{to[0]} is in no private range that the service may be in")
        return socket.socket(family, kind, protocol)

    async def ask(self, method: str, url: URL, headers: CIMultiDict[str], body: Any) -> aiohttp.ClientResponse:
        """Send one request, and return the answer as soon as it has begun; raise what `session.request` raises.

        What that does besides, redirects, cookies, credentials, proxies and a second try past the service's retries and
        their budget, has no place here, and takes as long as all of this. aiohttp documents none of the steps, but
        calls them by public names; the tests of the gateway see it if an update changes them.
        """
        request = _Request(
            method, url, headers=headers, skip_auto_headers=_UNSAID, data=body, loop=self._loop, session=self.session
        )
        try:
            connection = await self._connector.connect(request, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"No connection to {url} in time") from error
        try:
            protocol = cast(aiohttp.client_proto.ResponseHandler, connection.protocol)
            protocol.set_response_params(skip_payload=method == "HEAD", read_until_eof=True, auto_decompress=False)
            response = await request.send(connection)
            try:
                return await response.start(connection)
            except BaseException:
                response.close()
                raise
        except BaseException:
            connection.close()
            raise

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
