"""Proxying of one request to its service, with streamed bodies in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import hdrs, web
from multidict import CIMultiDict

from tenants.contrib.gateway.errors import GatewayError
from tenants.contrib.gateway.headers import IDENTITY, X_FORWARDED_PREFIX, request_headers, response_headers
from tenants.contrib.gateway.limits import Admission
from tenants.contrib.gateway.routing import ProxyRequest
from tenants.contrib.observability.principal import ANONYMOUS
from tenants.contrib.observability.request_context import REQUEST_ID
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.load_balancer import OutgoingRequest, RequestBodyError, UpstreamResponse, send
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.upstreams import Upstream

MAX_BUFFERED_BODY = 64 * 1024
"""Bytes of a request's body up to which it is kept in memory, so that another endpoint can be tried."""


class BodyTooLarge(Exception):
    pass


async def forward(proxied: ProxyRequest, upstream: Upstream, admission: Admission) -> web.StreamResponse:
    """Return the service's response; a streamed one has been sent. Raises `GatewayError` or `ServiceFailed`."""
    service, request = proxied.route.service, proxied.request
    if (request.content_length or 0) > service.max_body:
        raise _body_error(BodyTooLarge(), service)
    outgoing = OutgoingRequest(
        method=request.method,
        target=upstream_target(proxied),
        headers=upstream_headers(proxied),
        tenant=proxied.route.tenant.id,
        deadline=asyncio.get_running_loop().time() + service.total_seconds,
    )
    if request.body_exists:
        outgoing.body = await _receive_body(request, service, admission)
    else:
        await admission.acquire()
    try:
        response = await send(upstream, outgoing)
    except RequestBodyError as error:
        if isinstance(error.cause, GatewayError):
            raise error.cause from None
        raise _body_error(error.cause, service) from error
    try:
        return await _pass_back(proxied, response)
    finally:
        response.close()


def upstream_target(proxied: ProxyRequest) -> str:
    """Return path and query of the request to the service."""
    route, target = proxied.route, proxied.request.raw_path
    if not route.service.runs_sangga:  # a service of this code base removes the tenant's prefix itself
        target = target.removeprefix(route.tenant_prefix)
    return "/" + target.removeprefix(route.service_prefix).lstrip("/") if route.service.strip_prefix else target


def upstream_headers(proxied: ProxyRequest) -> CIMultiDict[str]:
    """Return the headers of the request to the service: those of the client that may pass, and the gateway's."""
    request, route, context = proxied.request, proxied.route, proxied.context
    service, host = route.service, request.headers[hdrs.HOST]
    headers = request_headers(request.headers, runs_sangga=service.runs_sangga)
    # Extending is enough, since no header of these names passes.
    headers.extend(
        [
            (hdrs.HOST, host),
            (hdrs.X_FORWARDED_HOST, host),
            (hdrs.X_FORWARDED_FOR, proxied.client),
            (hdrs.X_FORWARDED_PROTO, proxied.scheme),
            (IDENTITY, identity_header(service.name, route.tenant, proxied.principal or ANONYMOUS)),
            *context.headers(service.total_seconds, context.span_id).items(),
        ]
    )
    if service.strip_prefix:
        headers[X_FORWARDED_PREFIX] = route.service_prefix.rstrip("/")
    if (length := request.content_length) is not None and request.body_exists:
        headers[hdrs.CONTENT_LENGTH] = str(length)
    return headers


async def _receive_body(
    request: web.BaseRequest, service: ServiceInfo, admission: Admission
) -> bytes | AsyncIterator[bytes]:
    """Return a small body as bytes, so that it can be sent twice; any other as an iterator."""
    admission.acquire_upload()
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = request.content_length
    if length is None or length > MAX_BUFFERED_BODY:
        return _stream_body(request, service.max_body, admission)
    try:
        async with asyncio.timeout(service.attempt_seconds):
            body = await request.content.read()
    except TimeoutError as error:
        raise _body_error(error, service) from error
    await admission.acquire()
    return body


async def _stream_body(request: web.BaseRequest, max_size: int, admission: Admission) -> AsyncIterator[bytes]:
    """Yield a body as it arrives, but its last chunk only when the request has been admitted."""
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > max_size:
            raise BodyTooLarge
        if size == request.content_length:
            await admission.acquire()
        yield chunk
    await admission.acquire()


def _body_error(cause: Exception, service: ServiceInfo) -> GatewayError:
    if isinstance(cause, BodyTooLarge):
        return GatewayError(413, f"{service.name} accepts at most {service.max_body} bytes.", close_connection=True)
    if isinstance(cause, TimeoutError):
        return GatewayError(408, "The request body timed out.", close_connection=True)
    return GatewayError(400, "The request body is incomplete.", close_connection=True)


async def _pass_back(proxied: ProxyRequest, response: UpstreamResponse) -> web.StreamResponse:
    headers = response_headers(response.headers, runs_sangga=proxied.route.service.runs_sangga)
    headers[REQUEST_ID] = proxied.context.request_id
    if response.body is not None:
        return web.Response(status=response.status, reason=response.reason, headers=headers, body=response.body)
    sent = web.StreamResponse(status=response.status, reason=response.reason, headers=headers)
    await sent.prepare(proxied.request)
    await _stream(proxied, response, sent)
    return sent


async def _stream(proxied: ProxyRequest, response: UpstreamResponse, sent: web.StreamResponse) -> None:
    """Pass a body on, no faster than the client reads it."""
    idle = proxied.route.service.idle_seconds
    try:
        async for chunk in response.chunks():
            async with asyncio.timeout(idle):
                await sent.write(chunk)
        await sent.write_eof()
    except (ServiceFailed, TimeoutError):
        # The status was sent already; the aborted connection tells the client that the body is incomplete.
        if proxied.request.transport is not None:
            proxied.request.transport.abort()
        raise
