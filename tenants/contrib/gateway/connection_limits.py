"""How many connections a gateway keeps open: for one client address, and in all. What is too many is closed at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import islice

from aiohttp import web

from tenants.conf import tenancy
from tenants.http.gc import raise_file_limit

MOST_OF_ADDRESS = 500
"""Connections of one client address; no bound behind a proxy, whose address all of them have."""
_LOOKED_AT = 200
"""Connections, the oldest first, among which one without a request is looked for."""


def most_connections() -> int:
    """Return how many connections of clients a gateway keeps: each may have a second one, to its service."""
    return max(100, raise_file_limit() // 2 - 100)


class ClientConnections:
    """The connections of clients, the oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[web.RequestHandler, str] = {}
        self._of_address: Counter[str] = Counter()

    def add(self, connection: web.RequestHandler, transport: asyncio.BaseTransport) -> None:
        """Count a connection that was made; close it, or one that asks for nothing, if there are too many."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if address and not tenancy().trusted_proxies and self._of_address[address] >= MOST_OF_ADDRESS:
            _abort(transport)
            return
        if len(self._open) >= self._most and not self._make_room():
            _abort(transport)
            return
        self._open[connection] = address
        self._of_address[address] += 1

    def _make_room(self) -> bool:
        for connection in islice(self._open, _LOOKED_AT):
            if getattr(connection, "_current_request", None) is None and connection.transport is not None:
                transport = connection.transport
                self.remove(connection)
                _abort(transport)
                return True
        return False

    def remove(self, connection: web.RequestHandler) -> None:
        """Forget a connection that is closed."""
        address = self._open.pop(connection, None)
        if address is None:
            return
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def __len__(self) -> int:
        return len(self._open)


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.Transport):
        transport.abort()
    else:
        transport.close()
