"""Limits on client connections of a gateway: for each address, and in total. Excess connections are closed at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import islice

from aiohttp import web

from tenants.conf import tenancy
from tenants.http.gc import raise_file_limit

MAX_OF_ADDRESS = 500
"""Connections of one client address; not applied behind a proxy, whose address all of them have."""
_SEARCHED = 200
"""Oldest connections among which an idle one is searched."""


def max_connections() -> int:
    """Return the limit of client connections, half of the open files: each may need one to its service, too."""
    return max(100, raise_file_limit() // 2 - 100)


class ClientConnections:
    """The open connections, oldest first."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._open: dict[web.RequestHandler, str] = {}
        self._of_address: Counter[str] = Counter()

    def add(self, connection: web.RequestHandler, transport: asyncio.BaseTransport) -> None:
        """Count a new connection; if there are too many, close it or an idle one."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        is_over_limit = address and not tenancy().trusted_proxies and self._of_address[address] >= MAX_OF_ADDRESS
        if is_over_limit or (len(self._open) >= self._maximum and not self._close_idle()):
            _abort(transport)
            return
        self._open[connection] = address
        self._of_address[address] += 1

    def _close_idle(self) -> bool:
        for connection in islice(self._open, _SEARCHED):
            if getattr(connection, "_current_request", None) is None and connection.transport is not None:
                transport = connection.transport
                self.remove(connection)
                _abort(transport)
                return True
        return False

    def remove(self, connection: web.RequestHandler) -> None:
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
