"""The HTTP door: who answers at this host, and the whole request inside that tenant's context. Sync and async."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import DisallowedHost
from django.core.signals import setting_changed
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix
from django.utils.cache import patch_vary_headers

from tenants.conf import check_all_settings, tenancy
from tenants.context import Block, TenantInfo, leave, serve
from tenants.errors import DatabaseUnavailable, InvalidHost
from tenants.hosts import authority_of, host_of_header
from tenants.http import responses as pages
from tenants.http.base_middleware import AsyncHandler, Handler, TwoWayMiddleware
from tenants.http.maintenance_bypass import enter_by_link, has_bypass
from tenants.http.overload import overload_response
from tenants.http.path_prefix import keep_cookies_apart, keep_redirects_inside, shift
from tenants.http.security_headers import with_headers
from tenants.isolation.patches.request_state import RequestState
from tenants.isolation.urlconfs import import_urlconfs, urlconf_of
from tenants.migrator.graph import target_fingerprint
from tenants.postgresql.connection_watch import Watch, begin_watch, end_watch, resume_watch
from tenants.postgresql.overload import OverloadReason, log_overload, overload_reason
from tenants.registry.listener import listener
from tenants.registry.lookup import registry
from tenants.registry.resolver import (
    UNKNOWN,
    HostStatus,
    Resolution,
    path_to_route,
    resolve,
    resolve_from_memory,
    valid_until,
)
from tenants.variants.discovery import known_variants

_WHAT = "a request"
"""What the log says has left a transaction open."""


class TenantMiddleware(TwoWayMiddleware):
    """Resolves the tenant by host and path. The first in MIDDLEWARE, so that everything else is the tenant's.

    An unknown host gets 404, a suspended tenant 503, an alias 308 to the primary domain. Otherwise
    `request.tenant` is set and everything, streamed bodies included, runs with the tenant active.
    """

    def __init__(self, get_response: Handler | AsyncHandler) -> None:
        check_all_settings()
        import_urlconfs()
        super().__init__(get_response)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        listener.start()
        room = _known_room(request)
        if room is None:
            generation = registry.generation  # before it is asked
            request.path_info = path_to_route(request.path_info)
            resolution = _resolve(request)
            if response := _turned_away(request, resolution):
                return with_headers(request, response)
            room = _Room.prepare(request, cast(Resolution, resolution), generation)
        block = room.enter()
        watch = begin_watch(_WHAT)
        try:
            return _leave(self.go_on(request), room)
        finally:
            if watch.connections:
                watch.roll_back()
            end_watch(watch)
            room.leave(block)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        listener.start()
        room = _known_room(request)
        if room is None:
            generation = registry.generation  # before it is asked
            request.path_info = path_to_route(request.path_info)
            resolution = _resolve_from_memory(request) or await sync_to_async(_resolve)(request)
            if response := _turned_away(request, resolution):
                return with_headers(request, response)
            room = _Room.prepare(request, cast(Resolution, resolution), generation)
        block = room.enter()
        watch = begin_watch(_WHAT)
        try:
            return _leave(await self.go_on_async(request), room)
        finally:
            if watch.is_needed:  # its connections are those of the thread that synchronous code ran in
                await sync_to_async(watch.roll_back)()
            end_watch(watch)
            room.leave(block)


def _host_of(request: HttpRequest) -> str | None:
    """Return the host in its normal spelling, or None if there is no sense in it."""
    try:
        host = host_of_header(request.get_host())
        return host if _authority_of(request) in {"", host} else None
    except (DisallowedHost, InvalidHost):
        return None


def _authority_of(request: HttpRequest) -> str:
    """Return the host of an absolute address in the request line, where the server tells it; else nothing.

    It goes before the Host header (RFC 9112 §3.2.2), and servers disagree about that: both have to name one host.
    """
    target = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or "/"
    if target[0] in "/*":
        return ""
    return host_of_header(authority_of(target))


def _resolve(request: HttpRequest) -> Resolution | OverloadReason:
    """Return who answers, or why the database does not say."""
    host = _host_of(request)
    try:
        return UNKNOWN if host is None else resolve(host, request.path_info)
    except (OperationalError, DatabaseUnavailable) as error:
        reason = overload_reason(error)
        if reason is None:
            raise
        log_overload(reason, error)
        return reason


def _resolve_from_memory(request: HttpRequest) -> Resolution | None:
    host = _host_of(request)
    return UNKNOWN if host is None else resolve_from_memory(host, request.path_info)


def _turned_away(request: HttpRequest, resolution: Resolution | OverloadReason) -> HttpResponseBase | None:
    """Return the answer to a request that reaches no tenant, or None where the door is open."""
    if isinstance(resolution, OverloadReason):
        return overload_response(request, None, resolution)
    tenant = resolution.tenant
    if tenant is None:
        return pages.unknown_host(request)
    request.resolved_tenant = tenant  # type: ignore[attr-defined]  # for the log, also of who is turned away
    if resolution.status is HostStatus.SUSPENDED and not has_bypass(request, tenant):
        return enter_by_link(request, tenant) or pages.suspended(request, tenant)
    if resolution.status is HostStatus.MOVED:
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


class _Kept(NamedTuple):
    """What is kept of a streamed body between its chunks."""

    state: RequestState
    watch: Watch


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the application works for one request; entered again for what it does after the middleware has returned."""

    tenant: TenantInfo
    script_name: str
    """Where the tenant is mounted; empty: at the root of a host of its own."""
    urlconf: Any
    """The tenants' URLconf of its variant; None: Django's."""

    @classmethod
    def prepare(cls, request: HttpRequest, resolution: Resolution, generation: int) -> _Room:
        tenant = cast(TenantInfo, resolution.tenant)
        tenant = tenant.within_limits(tenancy().limits_of(tenant))
        urlconf = None if tenant.is_platform else urlconf_of(tenant.variant)
        # An open door alone is remembered, by a host whose paths name no tenants.
        is_remembered = resolution.status is HostStatus.OPEN and not tenancy().path_prefix and registry.is_listening
        until = valid_until(_host_of(request) or "", request.path_info, resolution) if is_remembered else 0.0
        room = cls(tenant, shift(request, tenant, resolution.prefix) if resolution.prefix else "", urlconf)
        room.mark(request)
        if until:
            if len(_rooms) >= tenancy().registry_size:
                _rooms.clear()
            _rooms[request._get_raw_host()] = (generation, until, room)  # type: ignore[attr-defined]
        return room

    def mark(self, request: HttpRequest) -> None:
        request.tenant = self.tenant  # type: ignore[attr-defined]
        if self.urlconf is not None:
            request.urlconf = self.urlconf

    def enter(self) -> Block:
        # Language, time zone and URLconf end with the block: `tenants.isolation.patches.request_state`.
        block = serve(self.tenant, self.urlconf)
        if self.script_name:
            block.script_prefix = get_script_prefix()
            set_script_prefix(f"{self.script_name}/")
        return block

    def leave(self, block: Block) -> None:
        if self.script_name:
            # Django sets it once for each request, but a test client or an enclosing one keeps what it finds.
            set_script_prefix(block.script_prefix)
        leave(block)

    @contextmanager
    def entered(self, kept: _Kept) -> Iterator[None]:
        block = self.enter()
        kept.state.restore()
        resume_watch(kept.watch)
        try:
            yield
        finally:
            end_watch(kept.watch)
            kept.state.capture()
            self.leave(block)


# What was found out for a host, as it stands in the header: valid while the registry has heard of no change.
_rooms: dict[str, tuple[int, float, _Room]] = {}


def _known_room(request: HttpRequest) -> _Room | None:
    if request.META.get("RAW_URI", "/")[:1] != "/" or request.META.get("REQUEST_URI", "/")[:1] != "/":
        return None
    known = _rooms.get(request._get_raw_host())  # type: ignore[attr-defined]
    if known is None or known[0] != registry.generation or known[1] < time.monotonic():
        return None
    room = known[2]
    room.mark(request)
    return room


def _forget_rooms(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS", "ALLOWED_HOSTS", "DEBUG", "ROOT_URLCONF"}:
        _rooms.clear()


setting_changed.connect(_forget_rooms, dispatch_uid="tenants.http.middleware")


@lru_cache(maxsize=256)
def _varying_by_host(vary: str) -> str:
    response = HttpResponse(headers={"Vary": vary} if vary else None)
    patch_vary_headers(response, ["Host"])
    return response.headers["Vary"]


def _leave(response: HttpResponseBase, room: _Room) -> HttpResponseBase:
    # A cache in front that was set to look at the path alone would give one tenant's page to another's visitor.
    response.headers["Vary"] = _varying_by_host(response.headers.get("Vary", ""))
    if room.script_name:
        keep_cookies_apart(response, room.tenant, room.script_name)
        keep_redirects_inside(response, room.script_name)
    # The server asks for a streamed body after this middleware has returned, when no tenant is active any more.
    # An opened file needs none, and the server may have a faster way to send it.
    if isinstance(response, StreamingHttpResponse) and getattr(response, "file_to_stream", None) is None:
        # A body that is not wanted to its end is closed, and has things to put away.
        closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined]
        body = response._iterator  # type: ignore[attr-defined]
        if getattr(body, "aclose", None) is not None:
            # Not left to the garbage collector, which closes it as whoever is active then.
            closers.append(partial(async_to_sync(_aclose), body))
        kept = _Kept(RequestState(), Watch(_WHAT))
        closers[:] = [partial(_close, closer, room, kept) for closer in (*closers, kept.watch.roll_back)]
        # Not aiter(): that looks for the content when it is first asked, and would find what is put here.
        chunks = response.streaming_content
        if response.is_async:
            response.streaming_content = _stream_async(cast(AsyncIterator[bytes], chunks), room, kept)
        else:
            response.streaming_content = _stream(cast(Iterator[bytes], chunks), room, kept)
    return response


async def _aclose(body: AsyncGenerator[bytes]) -> None:
    await body.aclose()


def _close(closer: Callable[[], object], room: _Room, kept: _Kept) -> None:
    with room.entered(kept):
        closer()


def _stream(chunks: Iterator[bytes], room: _Room, kept: _Kept) -> Iterator[bytes]:
    while True:
        with room.entered(kept):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _stream_async(chunks: AsyncIterator[bytes], room: _Room, kept: _Kept) -> AsyncIterator[bytes]:
    while True:
        with room.entered(kept):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk
