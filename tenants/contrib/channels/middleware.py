"""ASGI middleware that resolves the tenant of a WebSocket or HTTP connection, and runs the application as that tenant.

Host and status are resolved by the code of `tenants.http.middleware.TenantMiddleware`.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import partial
from http.cookies import SimpleCookie
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.apps import apps
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase

from tenants.contrib.channels.http import HttpChannel
from tenants.contrib.channels.leftovers import consumer_watched, roll_back_leftovers
from tenants.http.client_ip import get_client_ip
from tenants.http.early_responses import is_refused_as_behind
from tenants.http.maintenance_bypass import has_bypass
from tenants.http.request_scope import RequestScope, cached_scope
from tenants.http.resolution import resolve_request_async
from tenants.http.websockets import REJECTED, WebSocketChannel, has_same_origin, wait_until_disallowed
from tenants.isolation.urlconfs import import_urlconfs
from tenants.registry.listener import listener
from tenants.registry.resolver import HostStatus, Resolution

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Scope = dict[str, Any]

SECONDS_TO_END = 10.0
"""How long a consumer may continue after its connection was closed."""


class TenantMiddleware:
    """The outermost middleware of consumers. Sets `scope["tenant"]`, and rejects where `TenantMiddleware` does.

    An unknown host gets 404, a suspended tenant 503, a secondary domain 308, a WebSocket of another origin's page 403.
    Servers without the extension "websocket.http.response" answer a rejected WebSocket with 403. An open WebSocket or
    HTTP response ends within seconds when its tenant is suspended, moved or deleted, or all its users are signed out.
    Scopes of other types, such as those of channel workers, are passed on unchanged.
    """

    def __init__(self, application: Any) -> None:
        import_urlconfs()
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._application(scope, receive, send)
            return
        request = _request(scope)
        found = await _find(request, is_websocket=scope["type"] == "websocket")
        if isinstance(found, HttpResponseBase):
            await _respond(scope, send, found)
        else:
            with _slot(found, request) as rejection:
                if rejection:
                    await _respond(scope, send, HttpResponse(rejection, status=429))
                else:
                    await self._serve(scope, receive, send, request, found)

    async def _serve(self, scope: Scope, receive: Any, send: Any, request: HttpRequest, found: RequestScope) -> None:
        channel = (HttpChannel if scope["type"] == "http" else WebSocketChannel)(receive, send)
        run = self._run(_scope_of(scope, request, found), channel.receive, channel.send, found)
        serving = asyncio.ensure_future(run)
        watching = asyncio.create_task(_close_when_disallowed(_request(scope), found, channel, serving))
        try:
            await asyncio.wait({serving})
        finally:
            serving.cancel()  # no effect if it has ended
            watching.cancel()
        if not serving.cancelled():
            serving.result()

    async def _run(self, scope: Scope, receive: Any, send: Any, found: RequestScope) -> None:
        block = found.enter()
        try:
            with consumer_watched(scope["type"]):
                try:
                    await self._application(scope, partial(_receive, receive), send)
                finally:
                    await roll_back_leftovers()
        finally:
            found.leave(block)


def _request(scope: Scope) -> ASGIRequest:
    return ASGIRequest({"method": "GET", **scope}, BytesIO())


async def _find(request: HttpRequest, *, is_websocket: bool) -> RequestScope | HttpResponseBase:
    listener.start()
    found: RequestScope | HttpResponseBase | None = cached_scope(request)
    if found is None:
        async with ThreadSensitiveContext():
            try:
                found = await resolve_request_async(request)
            finally:
                await sync_to_async(close_old_connections)()
    if is_websocket and isinstance(found, RequestScope) and not has_same_origin(request):
        return HttpResponseForbidden("A page of another origin opens this WebSocket.")
    return found


def _slot(found: RequestScope, request: HttpRequest) -> AbstractContextManager[str]:
    if not apps.is_installed("tenants.contrib.limits"):
        return nullcontext("")
    from tenants.contrib.limits.websockets import socket_slots

    return socket_slots(found.tenant, get_client_ip(request))


def _scope_of(scope: Scope, request: HttpRequest, found: RequestScope) -> Scope:
    """Return the application's scope; for a tenant below a path, with the path prefix and the tenant's own cookies."""
    changed: Scope = {"tenant": found.tenant}
    if found.script_name:
        cookies = SimpleCookie(request.COOKIES).output(header="", sep=";").strip()
        others = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
        changed |= {"root_path": found.script_name, "headers": [*others, (b"cookie", cookies.encode("latin-1"))]}
    return {**scope, **changed}


async def _receive(receive: Any) -> Any:
    # A consumer asks for the next message when it has handled the last one.
    await roll_back_leftovers()
    return await receive()


async def _close_when_disallowed(
    request: HttpRequest, found: RequestScope, channel: HttpChannel | WebSocketChannel, serving: asyncio.Future[None]
) -> None:
    def allows(now: Resolution) -> bool:
        if now.status is HostStatus.SUSPENDED and now.tenant is not None:
            return has_bypass(request, now.tenant)
        return now.status is HostStatus.OPEN and now.tenant is not None and not is_refused_as_behind(now.tenant)

    await wait_until_disallowed(request, found.tenant, allows)
    await channel.close()
    await asyncio.wait({serving}, timeout=SECONDS_TO_END)
    serving.cancel()


async def _respond(scope: Scope, send: Any, response: HttpResponseBase) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in (scope.get("extensions") or {}):
            await send(REJECTED)
            return
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers += [(b"set-cookie", cookie.output(header="").strip().encode()) for cookie in response.cookies.values()]
    await send({"type": f"{kind}.start", "status": response.status_code, "headers": headers})
    await send({"type": f"{kind}.body", "body": cast(HttpResponse, response).content})
