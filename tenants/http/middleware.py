"""Middleware that resolves the tenant by host and path, and runs the request with that tenant active."""

from __future__ import annotations

from functools import lru_cache

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from tenants.http.base_middleware import AsyncCompatibleMiddleware, GetResponse, Response
from tenants.http.path_prefix import prefix_cookies, prefix_redirects
from tenants.http.request_scope import RequestScope, cached_scope
from tenants.http.resolution import resolve_request, resolve_request_async
from tenants.http.streaming import stream_in_scope
from tenants.isolation.urlconfs import import_urlconfs
from tenants.postgresql.connection_watch import begin_watch, end_watch
from tenants.registry.listener import listener

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
        scope: RequestScope | HttpResponseBase = cached_scope(request) or resolve_request(request)
        if isinstance(scope, HttpResponseBase):
            return scope
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
        scope: RequestScope | HttpResponseBase = cached_scope(request) or await resolve_request_async(request)
        if isinstance(scope, HttpResponseBase):
            return scope
        block = scope.enter()
        watch = begin_watch(_WHAT)
        try:
            return _finish(await self.get_response(request), scope)
        finally:
            if watch.is_needed:  # its connections are those of the thread that synchronous code ran in
                await sync_to_async(watch.roll_back)()
            end_watch(watch)
            scope.leave(block)


def _finish(response: HttpResponseBase, scope: RequestScope) -> HttpResponseBase:
    # A cache that looks only at the path would give one tenant's page to another tenant's visitors.
    # Past `headers[…]`, which encodes name and value each time.
    headers: dict[str, tuple[str, str]] = response.headers._store
    headers["vary"] = _varying_by_host(headers.get("vary", _NO_VARY)[1])
    if scope.script_name:
        prefix_cookies(response, scope.tenant, scope.script_name)
        prefix_redirects(response, scope.script_name)
    # The server asks for a streamed body after this middleware has returned, when no tenant is active any more.
    # An opened file needs none, and the server may have a faster way to send it.
    if isinstance(response, StreamingHttpResponse) and getattr(response, "file_to_stream", None) is None:
        stream_in_scope(response, scope, _WHAT)
    return response


_NO_VARY = ("Vary", "")


@lru_cache(maxsize=256)
def _varying_by_host(vary: str) -> tuple[str, str]:
    response = HttpResponse(headers={"Vary": vary} if vary else None)
    patch_vary_headers(response, ["Host"])
    return "Vary", response.headers["Vary"]
