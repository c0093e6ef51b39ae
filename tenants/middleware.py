"""The HTTP door: who answers at this host, and the whole request inside that tenant's context. Sync and async."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import DisallowedHost
from django.db import OperationalError
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_urlconf, set_urlconf
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from tenants import pages
from tenants.bypass import enter_by_link, has_bypass
from tenants.conf import tenancy
from tenants.context import TenantInfo, use_tenant
from tenants.errors import InvalidHost
from tenants.headers import with_headers
from tenants.hosts import normalise_host
from tenants.listener import listener
from tenants.migrator.graph import target_fingerprint
from tenants.prefix import keep_cookies_apart, mounted_at, shift
from tenants.resolvers import UNKNOWN, Door, Resolution, resolve, resolve_from_memory
from tenants.stopped import Stopped, why_stopped
from tenants.two_ways import AsyncHandler, Handler, TwoWayMiddleware
from tenants.urlconfs import import_urlconfs, urlconf_of
from tenants.variants.discovery import known_variants


class TenantMiddleware(TwoWayMiddleware):
    """Resolves the tenant by host and path. The first in MIDDLEWARE, so that everything else is the tenant's.

    An unknown host gets 404, a suspended tenant 503, an alias 308 to the primary domain. Otherwise
    `request.tenant` is set and everything, streamed bodies included, runs with the tenant active.
    """

    def __init__(self, get_response: Handler | AsyncHandler) -> None:
        import_urlconfs()
        super().__init__(get_response)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        listener.start()
        resolution = _resolve(request)
        if response := _turned_away(request, resolution):
            return with_headers(request, response)
        room = _Room.prepare(request, cast(Resolution, resolution))
        with room.entered():
            return _leave(self.go_on(request), room)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        listener.start()
        resolution = _resolve_from_memory(request) or await sync_to_async(_resolve)(request)
        if response := _turned_away(request, resolution):
            return with_headers(request, response)
        room = _Room.prepare(request, cast(Resolution, resolution))
        with room.entered():
            return _leave(await self.go_on_async(request), room)


def _host_of(request: HttpRequest) -> str | None:
    """Return the host in its normal spelling, or None if there is no sense in it."""
    try:
        return normalise_host(request.get_host())
    except (DisallowedHost, InvalidHost):
        return None


def _resolve(request: HttpRequest) -> Resolution | None:
    """Return who answers, or None if the database is too busy to say."""
    host = _host_of(request)
    try:
        return UNKNOWN if host is None else resolve(host, request.path_info)
    except OperationalError as error:
        if why_stopped(error) is None:
            raise
        return None


def _resolve_from_memory(request: HttpRequest) -> Resolution | None:
    host = _host_of(request)
    return UNKNOWN if host is None else resolve_from_memory(host, request.path_info)


def _turned_away(request: HttpRequest, resolution: Resolution | None) -> HttpResponseBase | None:
    """Return the answer to a request that reaches no tenant, or None where the door is open."""
    if resolution is None:
        return pages.stopped(request, None, Stopped.POOL)
    tenant = resolution.tenant
    if tenant is None:
        return pages.unknown_host(request)
    if resolution.door is Door.SUSPENDED and not has_bypass(request, tenant):
        return enter_by_link(request, tenant) or pages.suspended(request, tenant)
    if resolution.door is Door.MOVED:
        return pages.moved(request, tenant)
    if is_refused_as_behind(tenant):
        return pages.updating(request, tenant)
    return None


def is_refused_as_behind(tenant: TenantInfo) -> bool:
    """Tell whether a tenant gets 503 because this code and its schema do not fit, or its schema is behind."""
    if tenant.variant not in known_variants():
        return True  # newer code than ours has it
    if tenant.is_platform or tenancy().when_behind == "serve":
        return False
    return tenant.fingerprint != target_fingerprint(tenant.variant)


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the application works for one request; entered again for what it does after the middleware has returned."""

    tenant: TenantInfo
    script_name: str
    """Where the tenant is mounted; empty: at the root of a host of its own."""

    @classmethod
    def prepare(cls, request: HttpRequest, resolution: Resolution) -> _Room:
        tenant = cast(TenantInfo, resolution.tenant).within_limits()
        request.tenant = tenant  # type: ignore[attr-defined]
        if not tenant.is_platform:
            request.urlconf = urlconf_of(tenant.variant)  # type: ignore[assignment]  # as good as a module
        return cls(tenant, shift(request, tenant, resolution.prefix) if resolution.prefix else "")

    @contextmanager
    def entered(self) -> Iterator[None]:
        with ExitStack() as inside:
            inside.enter_context(use_tenant(self.tenant))
            # The language that is activated inside is not to be the next request's on this thread.
            inside.enter_context(translation.override(translation.get_language()))
            if not self.tenant.is_platform:
                inside.enter_context(timezone.override(self.tenant.time_zone))
                inside.enter_context(_urls_of(self.tenant))
            if self.script_name:
                inside.enter_context(mounted_at(self.script_name))
            yield


@contextmanager
def _urls_of(tenant: TenantInfo) -> Iterator[None]:
    """Let `reverse()` and the error pages be the tenants' before a URL is resolved, in other middleware, as well."""
    before = get_urlconf()
    set_urlconf(urlconf_of(tenant.variant))  # type: ignore[arg-type]  # as good as a module
    try:
        yield
    finally:
        set_urlconf(before)


def _leave(response: HttpResponseBase, room: _Room) -> HttpResponseBase:
    # A cache in front that was set to look at the path alone would give one tenant's page to another's visitor.
    patch_vary_headers(response, ["Host"])
    if room.script_name:
        keep_cookies_apart(response, room.tenant, room.script_name)
    # The server asks for a streamed body after this middleware has returned, when no tenant is active any more.
    # An opened file needs none, and the server may have a faster way to send it.
    if isinstance(response, StreamingHttpResponse) and getattr(response, "file_to_stream", None) is None:
        # A body that is not wanted to its end is closed, and has things to put away.
        closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined]
        body = response._iterator  # type: ignore[attr-defined]
        if getattr(body, "aclose", None) is not None:
            # Not left to the garbage collector, which closes it as whoever is active then.
            closers.append(partial(async_to_sync(_aclose), body))
        closers[:] = [partial(_close, closer, room) for closer in closers]
        # Not aiter(): that looks for the content when it is first asked, and would find what is put here.
        chunks = response.streaming_content
        if response.is_async:
            response.streaming_content = _stream_async(cast(AsyncIterator[bytes], chunks), room)
        else:
            response.streaming_content = _stream(cast(Iterator[bytes], chunks), room)
    return response


async def _aclose(body: AsyncGenerator[bytes]) -> None:
    await body.aclose()


def _close(closer: Callable[[], object], room: _Room) -> None:
    with room.entered():
        closer()


def _stream(chunks: Iterator[bytes], room: _Room) -> Iterator[bytes]:
    while True:
        with room.entered():
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _stream_async(chunks: AsyncIterator[bytes], room: _Room) -> AsyncIterator[bytes]:
    while True:
        with room.entered():
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk
