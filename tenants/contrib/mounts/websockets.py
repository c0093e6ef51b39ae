"""WebSockets of mounted ASGI applications: the same gate and the same tenant as for requests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from importlib import import_module
from io import BytesIO
from typing import Any, NamedTuple

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, close_old_connections
from django.http import Http404, HttpRequest, HttpResponse
from django_otp.middleware import OTPMiddleware
from psycopg_pool import PoolTimeout

from tenants.context import MountPoint, TenantInfo, use_tenant
from tenants.contrib.accounts.middleware import SecondFactorMiddleware
from tenants.contrib.limits.limiter import Queued, Refusal, turnstile, wait_async
from tenants.contrib.limits.websockets import socket_slots
from tenants.contrib.mounts.app_cache import Built, built_applications
from tenants.contrib.mounts.asgi import AsgiApplication
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.errors import MountFailed
from tenants.contrib.mounts.middleware import is_staff, point_at
from tenants.errors import InvalidHost
from tenants.hosts import authority_of, host_of_header
from tenants.http.client_ip import client_address
from tenants.http.middleware import is_refused_as_behind
from tenants.http.path_prefix import shift
from tenants.registry.resolver import HostStatus, Resolution, resolve, resolve_from_memory

_REFUSED = {"type": "websocket.close", "code": 1008}
"""Before it was accepted, this becomes HTTP's 403 (ASGI, "WebSocket Connection Scope")."""
_GOING_AWAY = 1001
_Found = tuple[TenantInfo, MountPoint, str]
LOOKING = 2.0
"""Seconds after which it is looked again whether a tenant may have its WebSockets still. Memory tells."""


async def serve_websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve a WebSocket by the application mounted where it knocks; refuse it where none is, or none may be asked."""
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    door = await _open_door(request)
    if door is None:
        await send(_REFUSED)
        return
    with socket_slots(door.tenant, client_address(request)) as refusal:
        found = None if refusal else await _find_within_limits(scope, request, door)
        if found is None:
            await send(_REFUSED)
        else:
            await _serve(scope, receive, send, found)


class _Door(NamedTuple):
    tenant: TenantInfo
    prefix: str


async def _find_within_limits(scope: dict[str, Any], request: ASGIRequest, door: _Door) -> _Found | None:
    """Return what is mounted there; it takes a place of its tenant's while that is looked up, as a request does."""
    place = turnstile.enter(door.tenant)
    if isinstance(place, Queued):
        place = await wait_async(place)
    if isinstance(place, Refusal):
        return None
    # A thread of its own, whose database connection is given back before the long conversation begins.
    async with ThreadSensitiveContext():
        try:
            return await _find(scope, request, door)
        finally:
            await sync_to_async(close_old_connections)()
            place.leave()


async def _serve(scope: dict[str, Any], receive: Any, send: Any, found: _Found) -> None:
    tenant, point, root = found
    line = _Line(receive, send)
    try:
        # Not on the thread that asgiref has for all: it waits until the application is built.
        built = await sync_to_async(_take, thread_sensitive=False)(tenant, point)
    except (MountFailed, Http404):
        await send(_REFUSED)
        return
    try:
        application = built.application
        if isinstance(application, AsgiApplication):
            call = application.answer_from({**scope, "root_path": root}, line.receive, line.send)
            await _within_bounds(asyncio.ensure_future(call), line, _watch(scope, tenant, point, line))
        else:
            await send(_REFUSED)
    finally:
        built.give_back()


async def _within_bounds(serving: asyncio.Future[None], line: _Line, watching: Coroutine[Any, Any, None]) -> None:
    """Wait for an application to end, as long as it keeps to its time limit and is to be served."""
    beside = [asyncio.create_task(watching), asyncio.create_task(_keep_in_time(serving, line))]
    try:
        await asyncio.wait({serving})
    finally:
        serving.cancel()  # in vain if it has ended
        for task in beside:
            task.cancel()
    if not serving.cancelled():
        serving.result()


async def _keep_in_time(serving: asyncio.Future[None], line: _Line) -> None:
    """Refuse the client of an application that does not accept in time; end one that outlives its client."""
    seconds = mount_settings().mounts_seconds
    with suppress(TimeoutError):
        await asyncio.wait_for(line.is_answered.wait(), seconds)
    if not line.is_answered.is_set():
        await line.cut()
    await line.is_over.wait()
    await asyncio.sleep(seconds)
    serving.cancel()


class _Line:
    """What goes to and from an application, until it is cut: to the application the client has gone then."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._is_cut = asyncio.Event()
        self.is_answered = asyncio.Event()
        """Set when the application has sent anything."""
        self.is_over = asyncio.Event()
        """Set when it was told that its client has gone."""

    async def receive(self) -> Any:
        told, cut = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._is_cut.wait())
        try:
            await asyncio.wait({told, cut}, return_when=asyncio.FIRST_COMPLETED)
            message = told.result() if told.done() else {"type": "websocket.disconnect", "code": _GOING_AWAY}
            if message["type"] == "websocket.disconnect":
                self.is_over.set()
            return message
        finally:
            told.cancel()
            cut.cancel()

    async def send(self, message: Any) -> None:
        if self._is_cut.is_set():
            raise OSError("the WebSocket was closed: its shop is served no more")
        self.is_answered.set()
        try:
            await self._send(message)
        except BaseException:
            self.is_over.set()
            raise

    async def cut(self) -> None:
        self._is_cut.set()
        self.is_over.set()
        with suppress(Exception):  # whatever a server raises where the client has gone already
            await self._send({"type": "websocket.close", "code": _GOING_AWAY})


async def _watch(scope: dict[str, Any], tenant: TenantInfo, point: MountPoint, line: _Line) -> None:
    """Cut a WebSocket when its tenant is served no more, or has nothing there: it would go on for hours."""
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    host, path = host_of_header(request.get_host()), request.path_info
    while True:
        await asyncio.sleep(LOOKING)
        try:
            now = resolve_from_memory(host, path) or await _look_up(host, path)
        except (DatabaseError, PoolTimeout):
            continue  # nobody can have changed it
        if now.status is not HostStatus.OPEN or now.tenant is None or point not in now.tenant.mounts:
            break
        if (now.tenant.id, now.tenant.epoch) != (tenant.id, tenant.epoch):
            break
    await line.cut()


async def _look_up(host: str, path: str) -> Resolution:
    async with ThreadSensitiveContext():
        try:
            return await sync_to_async(resolve)(host, path)
        finally:
            await sync_to_async(close_old_connections)()


def _take(tenant: TenantInfo, point: MountPoint) -> Built:
    with use_tenant(tenant):
        return built_applications.take(tenant, point)


async def _open_door(request: ASGIRequest) -> _Door | None:
    """Return the tenant, and what of the path names it, if the door there is open."""
    try:
        host = host_of_header(request.get_host())
    except (DisallowedHost, InvalidHost):
        return None
    resolution = resolve_from_memory(host, request.path_info) or await _look_up(host, request.path_info)
    if resolution.status is not HostStatus.OPEN or resolution.tenant is None:
        return None
    tenant = resolution.tenant
    if is_refused_as_behind(tenant) or not _comes_from_its_own_page(request):
        return None
    return _Door(tenant, resolution.prefix)


async def _find(scope: dict[str, Any], request: ASGIRequest, door: _Door) -> _Found | None:
    """Return the tenant, the mount and its SCRIPT_NAME, if it is open to the visitor."""
    tenant = door.tenant
    root = shift(request, tenant, door.prefix) if door.prefix else scope.get("root_path", "").rstrip("/")
    point = point_at(tenant, request.path_info)
    if point is None or (point.is_for_staff and not await sync_to_async(_is_staff)(request, tenant)):
        return None
    return tenant, point, root + point.prefix


def _comes_from_its_own_page(request: ASGIRequest) -> bool:
    """Tell whether the page that opens the WebSocket is of this host: browsers ask for no more than cookies."""
    origin = request.headers.get("Origin")
    return origin is None or authority_of(origin) == request.get_host().lower()


def _is_staff(request: HttpRequest, tenant: TenantInfo) -> bool:
    """Tell whether the visitor is signed in as staff; the middleware that does so for requests has not run."""
    with use_tenant(tenant):
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        AuthenticationMiddleware(OTPMiddleware(SecondFactorMiddleware(_no_view)))(request)
        return is_staff(request.user)


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
