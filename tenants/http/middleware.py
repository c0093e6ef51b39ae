"""Middleware that resolves the tenant by host and path, and runs the request with that tenant active."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from tenants.errors import DatabaseUnavailable
from tenants.http.base_middleware import AsyncCompatibleMiddleware, GetResponse, Response
from tenants.http.early_responses import early_response
from tenants.http.path_prefix import path_to_route, prefix_cookies, prefix_redirects
from tenants.http.request_host import host_of
from tenants.http.request_scope import RequestScope, cached_scope, new_scope
from tenants.http.security_headers import with_headers
from tenants.http.streaming import stream_in_scope
from tenants.isolation.urlconfs import import_urlconfs
from tenants.postgresql.connection_watch import begin_watch, end_watch
from tenants.postgresql.overload import OverloadReason, log_overload, overload_reason
from tenants.registry.listener import listener
from tenants.registry.lookup import registry
from tenants.registry.resolver import UNKNOWN, Resolution, resolve, resolve_from_memory

_WHAT = "a request"
"""What the log calls a request that left a transaction open."""


class TenantMiddleware(AsyncCompatibleMiddleware):
    """Resolves the tenant by host and path. The first in MIDDLEWARE, so that everything else is the tenant's.

    An unknown host gets 404, a suspended tenant 503, a secondary domain 308 to the primary one. Otherwise
    `request.tenant` is set and everything, streamed bodies included, runs with the tenant active.
    """

    def __init__(self, get_response: GetResponse) -> None:
        import_urlconfs()
        super().__init__(get_response)

    def __call__(self, request: HttpRequest) -> Response:
        if self.is_async:
            return self.__acall__(request)
        listener.start()
        scope = cached_scope(request)
        if scope is None:
            generation, host = registry.generation, host_of(request)
            request.path_info = path_to_route(request.path_info)
            resolution = _resolve(host, request.path_info)
            if response := early_response(request, resolution):
                return with_headers(request, response)
            scope = new_scope(request, host, cast(Resolution, resolution), generation)
        block = scope.enter()
        watch = begin_watch(_WHAT)
        try:
            return _finish(self.get_response(request), scope)
        finally:
            if watch.connections:
                watch.roll_back()
            end_watch(watch)
            scope.leave(block)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        listener.start()
        scope = cached_scope(request)
        if scope is None:
            generation, host = registry.generation, host_of(request)
            request.path_info = path_to_route(request.path_info)
            resolution = _resolve_from_memory(host, request.path_info)
            if resolution is None:
                resolution = await sync_to_async(_resolve)(host, request.path_info)
            if response := early_response(request, resolution):
                return with_headers(request, response)
            scope = new_scope(request, host, cast(Resolution, resolution), generation)
        block = scope.enter()
        watch = begin_watch(_WHAT)
        try:
            return _finish(await self.get_response(request), scope)
        finally:
            if watch.is_needed:  # its connections are those of the thread that synchronous code ran in
                await sync_to_async(watch.roll_back)()
            end_watch(watch)
            scope.leave(block)


def _resolve(host: str, path: str) -> Resolution | OverloadReason:
    """Return which tenant answers, or why the database does not say."""
    try:
        return resolve(host, path) if host else UNKNOWN
    except (OperationalError, DatabaseUnavailable) as error:
        reason = overload_reason(error)
        if reason is None:
            raise
        log_overload(reason, error)
        return reason


def _resolve_from_memory(host: str, path: str) -> Resolution | OverloadReason | None:
    return resolve_from_memory(host, path) if host else UNKNOWN


def _finish(response: HttpResponseBase, scope: RequestScope) -> HttpResponseBase:
    # A cache that looks only at the path would give one tenant's page to another tenant's visitors.
    response.headers["Vary"] = _varying_by_host(response.headers.get("Vary", ""))
    if scope.script_name:
        prefix_cookies(response, scope.tenant, scope.script_name)
        prefix_redirects(response, scope.script_name)
    # The server asks for a streamed body after this middleware has returned, when no tenant is active any more.
    # An opened file needs none, and the server may have a faster way to send it.
    if isinstance(response, StreamingHttpResponse) and getattr(response, "file_to_stream", None) is None:
        stream_in_scope(response, scope, _WHAT)
    return response


@lru_cache(maxsize=256)
def _varying_by_host(vary: str) -> str:
    response = HttpResponse(headers={"Vary": vary} if vary else None)
    patch_vary_headers(response, ["Host"])
    return response.headers["Vary"]
