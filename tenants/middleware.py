"""The HTTP door: who answers at this host, and the whole request inside that tenant's context. Sync and async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from tenants import pages
from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.errors import InvalidHost
from tenants.hosts import normalise_host
from tenants.listener import listener
from tenants.prefix import keep_cookies_apart, shifted
from tenants.resolvers import UNKNOWN, Door, Resolution, resolve, resolve_from_memory

Handler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class TenantMiddleware:
    """Resolves the tenant by host and path. The first in MIDDLEWARE, so that everything else is the tenant's.

    An unknown host gets 404, a suspended tenant 503, an alias 308 to the primary domain. Otherwise
    `request.tenant` is set and everything, streamed bodies included, runs with the tenant active.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Handler | AsyncHandler) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer one request."""
        listener.start()
        if self.is_async:
            return self._answer_async(request)
        resolution = _resolve(request)
        if response := _turned_away(request, resolution):
            return response
        with ExitStack() as inside:
            _enter(inside, request, resolution)
            return _leave(cast(Handler, self.get_response)(request), resolution)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        resolution = _resolve_from_memory(request) or await sync_to_async(_resolve)(request)
        if response := _turned_away(request, resolution):
            return response
        with ExitStack() as inside:
            _enter(inside, request, resolution)
            return _leave(await cast(AsyncHandler, self.get_response)(request), resolution)


def _host_of(request: HttpRequest) -> str | None:
    """Return the host in its normal spelling, or None if there is no sense in it."""
    try:
        return normalise_host(request.get_host())
    except (DisallowedHost, InvalidHost):
        return None


def _resolve(request: HttpRequest) -> Resolution:
    host = _host_of(request)
    return UNKNOWN if host is None else resolve(host, request.path_info)


def _resolve_from_memory(request: HttpRequest) -> Resolution | None:
    host = _host_of(request)
    return UNKNOWN if host is None else resolve_from_memory(host, request.path_info)


def _turned_away(request: HttpRequest, resolution: Resolution) -> HttpResponseBase | None:
    """Return the answer to a request that reaches no tenant, or None where the door is open."""
    tenant = resolution.tenant
    if tenant is None:
        return pages.unknown_host(request)
    if resolution.door is Door.SUSPENDED:
        return pages.suspended(request, tenant)
    if resolution.door is Door.MOVED:
        return pages.moved(request, tenant)
    return None


def _enter(inside: ExitStack, request: HttpRequest, resolution: Resolution) -> None:
    tenant = cast(TenantInfo, resolution.tenant)
    request.tenant = tenant  # type: ignore[attr-defined]
    if not tenant.is_platform:
        request.urlconf = tenancy().tenant_urlconf
        inside.enter_context(timezone.override(tenant.time_zone))
    if resolution.prefix:
        inside.enter_context(shifted(request, tenant, resolution.prefix))
    inside.enter_context(use_tenant(tenant))


def _leave(response: HttpResponseBase, resolution: Resolution) -> HttpResponseBase:
    tenant = cast(TenantInfo, resolution.tenant)
    if resolution.prefix:
        keep_cookies_apart(response, tenant, resolution.prefix)
    # The server asks for a streamed body after this middleware has returned, when no tenant is active any more.
    # An opened file needs none, and the server may have a faster way to send it.
    if isinstance(response, StreamingHttpResponse) and getattr(response, "file_to_stream", None) is None:
        if response.is_async:
            response.streaming_content = _stream_async(aiter(response), tenant)
        else:
            response.streaming_content = _stream(iter(response), tenant)
    return response


def _stream(chunks: Iterator[bytes], tenant: TenantInfo) -> Iterator[bytes]:
    while True:
        with use_tenant(tenant):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _stream_async(chunks: AsyncIterator[bytes], tenant: TenantInfo) -> AsyncIterator[bytes]:
    while True:
        with use_tenant(tenant):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk
