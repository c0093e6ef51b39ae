"""The door to mounted applications: the last middleware, so that session, user and security headers are there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants import pages
from tenants.context import MountPoint, TenantInfo, active_tenant
from tenants.errors import MountFailed
from tenants.mounts.built import Built, built_applications
from tenants.mounts.visits import MountedResponse, Visit
from tenants.two_ways import TwoWayMiddleware


def point_at(tenant: TenantInfo | None, path: str) -> MountPoint | None:
    """Return the mount of a tenant that answers at `path` ("/backend/x"), or None: the project itself does."""
    for point in tenant.mounts if tenant else ():  # the longest path first
        mount = point.prefix
        if path == mount or path.startswith(f"{mount}/"):
            return point
    return None


def is_staff(user: Any) -> bool:
    """Tell whether a user may use what is mounted for staff."""
    return bool(user.is_authenticated and user.is_active and user.is_staff)


class MountMiddleware(TwoWayMiddleware):
    """Leads requests below a mount of the active tenant to the application there. The last in MIDDLEWARE.

    An application that is for staff asks strangers to sign in, and has who they are in REMOTE_USER. Where the factory
    returns None for this tenant, the request goes on as if nothing were mounted; if it raises `Http404`, that is the
    answer. One that cannot be built is 503, for its own tenant alone.
    """

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        point = point_at(active_tenant(), request.path_info)
        found = point and _answer_at(request, point)
        return found or self.go_on(request)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        point = point_at(active_tenant(), request.path_info)
        found = point and await sync_to_async(_answer_at)(request, point)
        if not found:
            return await self.go_on_async(request)
        if isinstance(found, MountedResponse):
            found.streaming_content = _in_thread(cast(Iterator[bytes], found.streaming_content))
        return found


def _answer_at(request: HttpRequest, point: MountPoint) -> HttpResponseBase | None:
    tenant = cast(TenantInfo, active_tenant())
    remote_user = ""
    if point.is_for_staff:
        user: Any = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not is_staff(user):
            raise PermissionDenied
        remote_user = user.get_username()
    try:
        built = built_applications.take(tenant, point)
    except MountFailed as failure:
        return pages.mount_failed(request, tenant, failure.retry_seconds)
    return _answer_of(built, Visit(request, point.prefix, remote_user))


def _answer_of(built: Built, visit: Visit) -> HttpResponseBase | None:
    if built.application is None:
        built.give_back()
        return None
    try:
        response = built.application.answer(visit)
    except BaseException:
        built.give_back()
        raise
    # The body is still to be read: the application is in use until the response is closed.
    response._resource_closers.append(built.give_back)  # type: ignore[attr-defined]  # missing in django-stubs
    return response


async def _in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    ask = cast(Callable[..., Awaitable[bytes | None]], sync_to_async(next))
    while (chunk := await ask(chunks, None)) is not None:
        yield chunk
