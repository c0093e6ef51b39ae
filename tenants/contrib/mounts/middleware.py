"""The door to mounted applications: the last middleware, so that session, user and security headers are there."""

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
from tenants.contrib.limits.counters import Kind, pressure
from tenants.contrib.limits.limiter import Refusal
from tenants.contrib.limits.responses import refused
from tenants.contrib.mounts.app_cache import Built, built_applications
from tenants.contrib.mounts.call_limits import Patience, calls
from tenants.contrib.mounts.conf import mount_settings
from tenants.contrib.mounts.errors import MountFailed, MountTimedOut
from tenants.contrib.mounts.request import Leaving, MountedResponse, Use, Visit
from tenants.contrib.mounts.responses import mount_failed, mount_timed_out
from tenants.http.base_middleware import TwoWayMiddleware
from tenants.isolation.urlconfs import first_of, taken_segments

logger = logging.getLogger(__name__)


def point_at(tenant: TenantInfo | None, path: str) -> MountPoint | None:
    """Return the mount of a tenant that answers at `path` ("/backend/x"), or None: the project itself does.

    At its own addresses it always does. A mount there is refused when it is made (`tenants.contrib.mounts.models`),
    but the project may have got the address later.
    """
    for point in tenant.mounts if tenant else ():  # the longest path first
        mount = point.prefix
        if path == mount or path.startswith(f"{mount}/"):
            if first_of(point.path) not in taken_segments():
                return point
            _say_that_it_is_taken(str(tenant), point.path)
    return None


@lru_cache(maxsize=1_024)  # once for each
def _say_that_it_is_taken(tenant: str, path: str) -> None:
    logger.warning("The mount %s of tenant %s is not led to: the project has addresses there itself", path, tenant)


def is_staff(user: Any) -> bool:
    """Tell whether a user may use what is mounted for staff."""
    return bool(user.is_authenticated and user.is_active and user.is_staff)


class MountMiddleware(TwoWayMiddleware):
    """Leads requests below a mount of the active tenant to the application there. The last in MIDDLEWARE.

    An application that is for staff asks strangers to sign in, and has who they are in REMOTE_USER. Where the factory
    returns None for this tenant, the request goes on as if nothing were mounted; if it raises `Http404`, that is the
    answer. One that cannot be built is 503, and one that is too slow 504, for its own tenant alone.
    """

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        point = point_at(active_tenant(), request.path_info)
        found = point and _answer_at(request, point, Leaving())
        return found or self.go_on(request)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        point = point_at(active_tenant(), request.path_info)
        if point is None:
            return await self.go_on_async(request)
        leaving = Leaving()
        asked = asyncio.ensure_future(sync_to_async(_answer_at)(request, point, leaving))
        try:
            found = await asyncio.shield(asked)
        except asyncio.CancelledError:
            # The thread is let go, and what it returns all the same is closed here.
            asked.add_done_callback(_close_unsent)
            leaving.leave()
            raise
        if not found:
            return await self.go_on_async(request)
        if isinstance(found, MountedResponse):
            found.streaming_content = _in_thread(cast(Iterator[bytes], found.streaming_content), leaving)
        return found


def _close_unsent(asked: asyncio.Future[HttpResponseBase | None]) -> None:
    if asked.cancelled() or asked.exception() is not None:
        return
    if (response := asked.result()) is not None:
        Thread(target=response.close, name="mount-unsent", daemon=True).start()  # it may wait for what it closes


def _answer_at(request: HttpRequest, point: MountPoint, leaving: Leaving) -> HttpResponseBase | None:
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
        raise PermissionDenied  # its scope would be the folder that the mount is in, and so the whole host
    if not calls.begin(tenant):
        pressure.add(tenant.id, Kind.CONCURRENCY)
        return refused(request, tenant, Refusal(Kind.CONCURRENCY, 1))
    work = Use(partial(calls.end, tenant))
    if (place := getattr(request, "mount_place", None)) is not None:
        work.then(place.leave)
    begun = work.released_once()
    try:
        built = built_applications.take(tenant, point)
        patience = Patience(mount_settings().mounts_seconds, point.app, tenant)
        return _answer_of(built, Visit(request, point.prefix, work, patience, remote_user, leaving))
    except MountFailed as failure:
        return mount_failed(request, tenant, failure.retry_seconds)
    except MountTimedOut as error:
        logger.error("%s", error)  # where the thread waited says nothing
        return mount_timed_out(request, tenant)
    finally:
        begun()  # the application holds it for as long as it is at work


def _answer_of(built: Built, visit: Visit) -> HttpResponseBase | None:
    use = Use(built.give_back)
    release = use.released_once()
    if built.application is None:
        release()
        return None
    visit.use.then(use.hold())
    try:
        response = built.application.answer(visit)
    except BaseException:
        release()
        raise
    # The body is still to be read: the application is in use until the response is closed, or thrown away unsent.
    response._resource_closers.append(release)  # type: ignore[attr-defined]  # missing in django-stubs
    finalize(response, release)
    return response


async def _in_thread(chunks: Iterator[bytes], leaving: Leaving) -> AsyncIterator[bytes]:
    ask = cast(Callable[..., Awaitable[bytes | None]], sync_to_async(next))
    try:
        while (chunk := await ask(chunks, None)) is not None:
            yield chunk
    except BaseException:
        leaving.leave()  # else the thread that asks for the next piece waits for it
        raise
