"""Service client: calls another service for the active tenant, with the request context passed on."""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partialmethod
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs
from asgiref.sync import sync_to_async
from django.utils.asyncio import async_unsafe
from multidict import CIMultiDict

from tenants.conf import tenancy
from tenants.context import PLATFORM
from tenants.contrib.observability.conf import observability_settings
from tenants.contrib.observability.principal import ANONYMOUS, Principal
from tenants.contrib.observability.tracing import Span, http_attributes, record_span
from tenants.contrib.services.call import ServiceCall, prepare
from tenants.contrib.services.errors import ServiceFailed, ServiceNotFound
from tenants.contrib.services.event_loop import background_loop
from tenants.contrib.services.identity import HEADER
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.load_balancer import OutgoingRequest, UpstreamResponse, send
from tenants.contrib.services.registry import service_registry
from tenants.contrib.services.response import ServiceResponse
from tenants.contrib.services.status_report import report_forever
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.upstreams import Upstreams

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
"""A longer response is an error, since the client keeps it in memory."""

_MARGIN = 0.1
"""Seconds by which the time for the whole response exceeds that for its beginning, whose error says more."""


upstreams = Upstreams()
"""The services that this process calls; they belong to the background loop."""


def _find_service(call: ServiceCall) -> ServiceInfo:
    """Return the called service; may query the database."""
    service = service_registry.get().by_name.get(call.service)
    if service is None or not service.is_granted_to(call.tenant):
        raise ServiceNotFound(call.service, str(call.tenant))
    return service


def _check_scopes(call: ServiceCall, service: ServiceInfo, principal: Principal) -> None:
    """Raise `ServiceFailed` (401, 403) where the visitor lacks a scope that the gateway would require."""
    if not service.scopes or call.as_tenant:
        return
    missing = " ".join(sorted(service.scopes - principal.scopes))
    if missing:
        status = 403 if principal.is_authenticated else 401
        raise ServiceFailed(service.name, f"was not called: it requires the scope {missing} of the caller", status)


async def _send(call: ServiceCall, service: ServiceInfo, principal: Principal) -> ServiceResponse:
    """Send the call, on the background loop, and return the whole response."""
    seconds = call.context.seconds_left(call.timeout or service.total_seconds)
    if seconds <= 0:
        raise ServiceFailed(service.name, "was not called: deadline exceeded", 504)
    span_id = secrets.token_hex(8)
    outgoing = OutgoingRequest(
        method=call.method,
        target=call.target,
        headers=_headers(call, service, principal, seconds, span_id),
        tenant=call.tenant.id,
        deadline=asyncio.get_running_loop().time() + seconds,
        body=call.body,
    )
    upstream = upstreams.get(service)
    _start_reporting()
    began = time.perf_counter()
    status = 499
    try:
        async with asyncio.timeout(seconds + _MARGIN):  # bounds the body as well
            upstream_response = await send(upstream, outgoing)
            try:
                body = await _read_body(upstream_response)
                response = ServiceResponse(upstream_response.status, upstream_response.headers, body, service.name)
            finally:
                upstream_response.close()
        status = response.status
    except TimeoutError as error:
        status = 504
        raise ServiceFailed(service.name, "timed out within its response", 504) from error
    except ServiceFailed as error:
        status = error.status
        raise
    finally:
        took = time.perf_counter() - began
        upstream.stats.record(status, took)
        if observability_settings().otlp_endpoint:
            _record_span(call, span_id, status, took)
    return response


def _record_span(call: ServiceCall, span_id: str, status: int, seconds: float) -> None:
    context, path = call.context, call.target.partition("?")[0]
    attributes = http_attributes(call.tenant.slug or "platform", call.method, path, status, context.request_id)
    record_span(
        Span(
            name=f"{call.method} {call.service}", trace_id=context.trace_id, span_id=span_id,
            parent_id=context.span_id, seconds=seconds, failed=status >= 400, is_client=True, attributes=attributes,
        )
    )  # fmt: skip


_reporter: asyncio.Task[None] | None = None


def _start_reporting() -> None:
    """Save status reports for as long as the background loop runs; called on that loop."""
    global _reporter
    if _reporter is None or _reporter.get_loop() is not asyncio.get_running_loop():
        report = report_forever(observability_settings().service, upstreams.by_name.values)
        _reporter = asyncio.get_running_loop().create_task(report)


async def _read_body(response: UpstreamResponse) -> bytes:
    if response.body is not None:
        return response.body
    chunks, size = [], 0
    async for chunk in response.chunks():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            raise ServiceFailed(response.upstream.service.name, f"sent more than {MAX_RESPONSE_BYTES} bytes")
    return b"".join(chunks)


def _headers(
    call: ServiceCall, service: ServiceInfo, principal: Principal, seconds: float, span_id: str
) -> CIMultiDict[str]:
    tenant = call.tenant
    host = tenancy().base_domain if tenant == PLATFORM else tenant.host
    headers: CIMultiDict[str] = CIMultiDict(call.headers)
    headers[hdrs.HOST] = urlsplit(tenancy().url_of(host)).netloc
    headers[HEADER] = identity_header(service.name, tenant, principal)
    headers.update(call.context.headers(seconds, span_id))
    return headers


class ServiceClient:
    """Async client of one service. Made by `tenants.contrib.services.get`."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def request(self, method: str, path: str, **options: Any) -> ServiceResponse:
        """Call the service and return its response, of any status.

        Options: `json` or `body` (bytes), `headers`, `params` for the query, `timeout` in seconds, and `as_tenant` to
        call on behalf of the tenant instead of the visitor, whose scopes then do not count.
        Raises `NoActiveTenant` outside a tenant's context, `ServiceNotFound`, and `ServiceFailed` without a response
        or if the visitor lacks a scope that the service requires (401, 403).
        """
        call = prepare(self.name, method, path, **options)
        service = (
            await sync_to_async(_find_service)(call) if service_registry.get_cached() is None else _find_service(call)
        )
        if call.as_tenant:
            principal = ANONYMOUS
        elif call.context.user is not None:  # may query the database
            principal = await sync_to_async(call.context.load_principal)()
        else:
            principal = call.context.principal
        _check_scopes(call, service, principal)
        return await asyncio.wrap_future(background_loop.submit(_send(call, service, principal)))

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")


class SyncServiceClient:
    """Synchronous client of one service. Made by `tenants.contrib.services.get_sync`."""

    def __init__(self, name: str) -> None:
        self.name = name

    @async_unsafe
    def request(self, method: str, path: str, **options: Any) -> ServiceResponse:
        """Call the service and return its response, with the options and errors of `ServiceClient.request`.

        Raises `SynchronousOnlyOperation` where it would block an event loop.
        """
        call = prepare(self.name, method, path, **options)
        service, principal = _find_service(call), ANONYMOUS if call.as_tenant else call.context.load_principal()
        _check_scopes(call, service, principal)
        future = background_loop.submit(_send(call, service, principal))
        try:
            return future.result()
        except BaseException:
            future.cancel()  # on Ctrl-C, for example
            raise

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")
