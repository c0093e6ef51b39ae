"""Middleware that passes requests to mounted applications."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache, partial
from threading import Thread
from typing import Any, cast
from weakref import finalize

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.context import MountPoint, TenantInfo, active_tenant
from tenants.contrib.limits.counters import LimitKind, limit_counters
from tenants.contrib.limits.limiter import Rejection
from tenants.contrib.limits.responses import rejected
from tenants.contrib.mounts import responses
from tenants.contrib.mounts.app_cache import CachedApp, app_cache
from tenants.contrib.mounts.call_limits import ResponseTimeout, running_calls
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.errors import MountFailed, MountTimedOut
from tenants.contrib.mounts.request import ClientDisconnect, MountedResponse, MountRequest, SharedUse
from tenants.http.base_middleware import AsyncCompatibleMiddleware, Response
from tenants.isolation.urlconfs import first_segment, project_segments

logger = logging.getLogger(__name__)


def match_mount(tenant: TenantInfo | None, path: str) -> MountPoint | None:
    """Return the mount of a tenant that serves `path` ("/backend/x"), or None.

    The project's own URLs take precedence. The form refuses such a mount, but the URL may be newer.
    """
    for point in tenant.mounts if tenant else ():  # the longest path first
        mount = point.prefix
        if path == mount or path.startswith(f"{mount}/"):
            if first_segment(point.path) not in project_segments():
                return point
            _warn_hidden(str(tenant), point.path)
    return None


@lru_cache(maxsize=1_024)  # logs once
def _warn_hidden(tenant: str, path: str) -> None:
    logger.warning("Mount %s of tenant %s is hidden by URLs of the project", path, tenant)


def is_staff(user: Any) -> bool:
    """Tell whether a user may use mounts for staff."""
    return bool(user.is_authenticated and user.is_active and user.is_staff)


class MountMiddleware(AsyncCompatibleMiddleware):
    """Passes requests below a mount of the active tenant to its application. Last in MIDDLEWARE.

    Mounts for staff redirect anonymous visitors to the login page, and get the user's name in REMOTE_USER. Where the
    factory returns None, the request continues as if nothing were mounted; its `Http404` becomes a 404. Failures are
    503 and timeouts 504, for this tenant only.
    """

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        point = match_mount(active_tenant(), request.path_info)
        response = point and _answer_at(request, point, ClientDisconnect())
        return response or self.get_response(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        result: HttpResponseBase
        point = match_mount(active_tenant(), request.path_info)
        if point is None:
            result = await self.get_response(request)
            return result
        disconnect = ClientDisconnect()
        future = asyncio.ensure_future(sync_to_async(_answer_at)(request, point, disconnect))
        try:
            response = await asyncio.shield(future)
        except asyncio.CancelledError:
            # Wake the thread, and close what it still returns.
            future.add_done_callback(_close_unsent)
            disconnect.set()
            raise
        if not response:
            result = await self.get_response(request)
            return result
        if isinstance(response, MountedResponse):
            response.streaming_content = _read_in_thread(cast(Iterator[bytes], response.streaming_content), disconnect)
        return response


def _close_unsent(future: asyncio.Future[HttpResponseBase | None]) -> None:
    if future.cancelled() or future.exception() is not None:
        return
    if (response := future.result()) is not None:
        Thread(target=response.close, name="mount-unsent", daemon=True).start()  # closing may block


def _answer_at(request: HttpRequest, point: MountPoint, disconnect: ClientDisconnect) -> HttpResponseBase | None:
    """Return the response of the application at a mount; None where the project itself answers."""
    tenant = cast(TenantInfo, active_tenant())
    remote_user = ""
    if point.is_for_staff:
        user: Any = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not is_staff(user):
            raise PermissionDenied
        remote_user = user.get_username()
    if request.headers.get("Service-Worker") and point.path and request.path_info == point.prefix:
        raise PermissionDenied  # the scope of this service worker would be the whole host
    if not running_calls.acquire(tenant):
        limit_counters.add(tenant.id, LimitKind.CONCURRENCY)
        return rejected(request, tenant, Rejection(LimitKind.CONCURRENCY, 1))
    call = SharedUse(partial(running_calls.release, tenant))
    if (slot := getattr(request, "mount_slot", None)) is not None:
        call.on_end(slot.release)
    release = call.release_once()
    try:
        app = app_cache.acquire(tenant, point)
        timeout = ResponseTimeout(mount_settings().mounts_seconds, point.app, tenant)
        return _answer_of(app, MountRequest(request, point.prefix, call, timeout, remote_user, disconnect))
    except MountFailed as failure:
        return responses.build_failed(request, tenant, failure.retry_seconds)
    except MountTimedOut as error:
        logger.error("%s", error)  # its traceback says nothing
        return responses.timed_out(request, tenant)
    finally:
        release()  # the application holds it while it runs


def _answer_of(app: CachedApp, request: MountRequest) -> HttpResponseBase | None:
    use = SharedUse(app.release)
    release = use.release_once()
    if app.application is None:
        release()
        return None
    request.use.on_end(use.hold())
    try:
        response = app.application.answer(request)
    except BaseException:
        release()
        raise
    # The body is still to be read: the application is in use until the response is closed or garbage-collected.
    response._resource_closers.append(release)  # type: ignore[attr-defined]  # missing in django-stubs
    finalize(response, release)
    return response


async def _read_in_thread(chunks: Iterator[bytes], disconnect: ClientDisconnect) -> AsyncIterator[bytes]:
    read = cast(Callable[..., Awaitable[bytes | None]], sync_to_async(next))
    try:
        while (chunk := await read(chunks, None)) is not None:
            yield chunk
    except BaseException:
        disconnect.set()  # wakes the thread that waits for the next chunk
        raise
