"""Origin check of WebSockets, and their end when the tenant may not have them any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest
from psycopg_pool import PoolTimeout

from tenants.context import TenantInfo
from tenants.errors import DatabaseUnavailable
from tenants.hosts import authority_of
from tenants.http.request_host import host_of
from tenants.registry.resolver import Resolution, resolve, resolve_from_memory

REJECTED = {"type": "websocket.close", "code": 1008}
"""Before the WebSocket is accepted, servers answer it with 403 (ASGI, "WebSocket Connection Scope")."""
GOING_AWAY = 1001
_NORMAL = 1000
RECHECK_SECONDS = 2.0
"""Interval of the checks that the tenant may still have its WebSockets, which are answered from memory."""


def has_same_origin(request: HttpRequest) -> bool:
    """Return whether a page of this host opens the WebSocket: browsers send cookies from any page."""
    origin = request.headers.get("Origin")
    return origin is None or authority_of(origin) == request.get_host().lower()


async def look_up(host: str, path: str) -> Resolution:
    """Resolve a host and path in a thread whose database connection is released afterwards."""
    async with ThreadSensitiveContext():
        try:
            return await sync_to_async(resolve)(host, path)
        finally:
            await sync_to_async(close_old_connections)()


async def wait_until_disallowed(request: HttpRequest, tenant: TenantInfo, allows: Callable[[Resolution], bool]) -> None:
    """Return when the request's host is not open for this tenant any more, or all its users were signed out."""
    host, path = host_of(request), request.path_info
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        try:
            now = resolve_from_memory(host, path) or await look_up(host, path)
        except (DatabaseError, DatabaseUnavailable, PoolTimeout):
            continue  # without the database nothing can have changed
        if now.tenant is None or (now.tenant.id, now.tenant.epoch) != (tenant.id, tenant.epoch) or not allows(now):
            return


class WebSocketChannel:
    """The server's `receive` and `send`; once closed, the application sees that the client has disconnected."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._is_closed = asyncio.Event()
        self.is_answered = asyncio.Event()
        """Set when the application has sent anything."""
        self.is_over = asyncio.Event()
        """Set when the application knows that its client has disconnected."""

    async def receive(self) -> Any:
        received, closed = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._is_closed.wait())
        try:
            await asyncio.wait({received, closed}, return_when=asyncio.FIRST_COMPLETED)
            message = received.result() if received.done() else {"type": "websocket.disconnect", "code": GOING_AWAY}
            if message["type"] == "websocket.disconnect":
                self.is_over.set()
            return message
        finally:
            received.cancel()
            closed.cancel()

    async def send(self, message: Any) -> None:
        if self._is_closed.is_set():
            raise OSError("the WebSocket is closed")
        self.is_answered.set()
        try:
            await self._send(message)
        except BaseException:
            self.is_over.set()
            raise

    async def close(self) -> None:
        self._is_closed.set()
        self.is_over.set()
        for code in (GOING_AWAY, _NORMAL):
            with suppress(Exception):  # daphne refuses 1001, and servers raise if the client has disconnected
                await self._send({"type": "websocket.close", "code": code})
                return
