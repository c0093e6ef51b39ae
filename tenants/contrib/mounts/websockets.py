"""WebSockets of mounted ASGI applications: the checks that middleware makes for requests, then the application."""

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
from django.db import close_old_connections
from django.http import Http404, HttpRequest, HttpResponse
from django_otp.middleware import OTPMiddleware

from tenants.context import MountPoint, TenantInfo, use_tenant
from tenants.contrib.accounts.middleware import SecondFactorMiddleware
from tenants.contrib.limits.limiter import Rejection, Waiter, limiter
from tenants.contrib.limits.waiting import wait_async
from tenants.contrib.limits.websockets import socket_slots
from tenants.contrib.mounts.app_cache import CachedApp, app_cache
from tenants.contrib.mounts.asgi import AsgiApplication
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.errors import MountFailed
from tenants.contrib.mounts.middleware import is_staff, match_mount
from tenants.errors import InvalidHost
from tenants.hosts import host_of_header
from tenants.http.client_ip import get_client_ip
from tenants.http.early_responses import is_refused_as_behind
from tenants.http.path_prefix import set_script_name
from tenants.http.websockets import REJECTED, WebSocketChannel, has_same_origin, look_up, wait_until_disallowed
from tenants.registry.resolver import HostStatus, Resolution, resolve_from_memory


class _Site(NamedTuple):
    """The tenant at a host and path."""

    tenant: TenantInfo
    prefix: str
    """The start of the path that names the tenant."""


class _Target(NamedTuple):
    tenant: TenantInfo
    point: MountPoint
    root_path: str


async def serve_websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve a WebSocket by the application mounted at its path; reject it if there is none for this visitor."""
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    site = await _open_site(request)
    if site is None:
        await send(REJECTED)
        return
    with socket_slots(site.tenant, get_client_ip(request)) as rejection:
        target = None if rejection else await _find_within_limits(scope, request, site)
        if target is None:
            await send(REJECTED)
        else:
            await _serve(scope, receive, send, target)


async def _open_site(request: ASGIRequest) -> _Site | None:
    """Return the tenant if it is open, and the request comes from a page of the same host."""
    try:
        host = host_of_header(request.get_host())
    except (DisallowedHost, InvalidHost):
        return None
    resolution = resolve_from_memory(host, request.path_info) or await look_up(host, request.path_info)
    tenant = resolution.tenant
    if resolution.status is not HostStatus.OPEN or tenant is None:
        return None
    if is_refused_as_behind(tenant) or not has_same_origin(request):
        return None
    return _Site(tenant, resolution.prefix)


async def _find_within_limits(scope: dict[str, Any], request: ASGIRequest, site: _Site) -> _Target | None:
    """Return the mounted application; takes a slot of the tenant meanwhile, as a request does."""
    slot = limiter.acquire(site.tenant)
    if isinstance(slot, Waiter):
        slot = await wait_async(slot)
    if isinstance(slot, Rejection):
        return None
    # On a thread whose database connection is released before the WebSocket is served.
    async with ThreadSensitiveContext():
        try:
            return await _find(scope, request, site)
        finally:
            await sync_to_async(close_old_connections)()
            slot.release()


async def _find(scope: dict[str, Any], request: ASGIRequest, site: _Site) -> _Target | None:
    tenant = site.tenant
    root = set_script_name(request, tenant, site.prefix) if site.prefix else scope.get("root_path", "").rstrip("/")
    point = match_mount(tenant, request.path_info)
    if point is None or (point.is_for_staff and not await sync_to_async(_is_staff)(request, tenant)):
        return None
    return _Target(tenant, point, root + point.prefix)


def _is_staff(request: HttpRequest, tenant: TenantInfo) -> bool:
    """Tell whether the visitor is logged in as staff, with the middleware that does so for requests."""
    with use_tenant(tenant):
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        AuthenticationMiddleware(OTPMiddleware(SecondFactorMiddleware(_no_view)))(request)
        return is_staff(request.user)


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


async def _serve(scope: dict[str, Any], receive: Any, send: Any, target: _Target) -> None:
    channel = WebSocketChannel(receive, send)
    try:
        # Not on asgiref's shared thread: it waits until the application is built.
        app = await sync_to_async(_acquire, thread_sensitive=False)(target)
    except (MountFailed, Http404):
        await send(REJECTED)
        return
    try:
        application = app.application
        if isinstance(application, AsgiApplication):
            call = application.serve({**scope, "root_path": target.root_path}, channel.receive, channel.send)
            await _supervise(asyncio.ensure_future(call), channel, _close_when_disallowed(scope, target, channel))
        else:
            await send(REJECTED)
    finally:
        app.release()


def _acquire(target: _Target) -> CachedApp:
    with use_tenant(target.tenant):
        return app_cache.acquire(target.tenant, target.point)


async def _supervise(
    serving: asyncio.Future[None], channel: WebSocketChannel, watching: Coroutine[Any, Any, None]
) -> None:
    """Wait until an application has ended, and enforce its timeouts meanwhile."""
    tasks = [asyncio.create_task(watching), asyncio.create_task(_enforce_timeouts(serving, channel))]
    try:
        await asyncio.wait({serving})
    finally:
        serving.cancel()  # no effect if it has ended
        for task in tasks:
            task.cancel()
    if not serving.cancelled():
        serving.result()


async def _enforce_timeouts(serving: asyncio.Future[None], channel: WebSocketChannel) -> None:
    """Close the channel of an application that does not accept in time; cancel one that outlives its client."""
    seconds = mount_settings().mounts_seconds
    with suppress(TimeoutError):
        await asyncio.wait_for(channel.is_answered.wait(), seconds)
    if not channel.is_answered.is_set():
        await channel.close()
    await channel.is_over.wait()
    await asyncio.sleep(seconds)
    serving.cancel()


async def _close_when_disallowed(scope: dict[str, Any], target: _Target, channel: WebSocketChannel) -> None:
    """Close a WebSocket, which may last for hours, when its tenant is suspended or the mount removed."""

    def allows(now: Resolution) -> bool:
        return now.status is HostStatus.OPEN and now.tenant is not None and target.point in now.tenant.mounts

    await wait_until_disallowed(ASGIRequest({**scope, "method": "GET"}, BytesIO()), target.tenant, allows)
    await channel.close()
