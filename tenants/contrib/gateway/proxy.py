"""Takes one request to its service and the answer back, both as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from aiohttp import hdrs, web
from multidict import CIMultiDict

from tenants.context import TenantInfo
from tenants.contrib.gateway.context import Arrival
from tenants.contrib.gateway.errors import Refused
from tenants.contrib.gateway.headers import IDENTITY, X_FORWARDED_PREFIX, client_of, for_client, for_service
from tenants.contrib.gateway.limits import Entry
from tenants.contrib.observability.principal import STRANGER
from tenants.contrib.observability.request_context import REQUEST_ID
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.keys import identity_header
from tenants.contrib.services.load_balancer import Answer, BodyFailed, Outgoing, send
from tenants.contrib.services.types import ServiceInfo
from tenants.contrib.services.upstreams import Upstream

KEPT_BODY = 64 * 1024
"""Bytes of a request's body that are kept, so that it can be sent to another address as well."""


class TooLarge(Exception):
    """A body has more bytes than its service takes."""


async def forward(arrival: Arrival, upstream: Upstream, entry: Entry) -> web.StreamResponse:
    """Return the service's answer, already on its way to the client; raise `Refused` or `ServiceFailed`."""
    service = upstream.service
    _check_length(arrival.request, service)
    outgoing = _outgoing(arrival, upstream)
    if arrival.request.body_exists:
        await _take_body(arrival.request, outgoing, upstream, entry)
    else:
        await entry.enter()
    try:
        answer = await send(upstream, outgoing)
    except BodyFailed as failed:
        if isinstance(failed.cause, Refused):
            raise failed.cause from None
        raise _refusal_of_body(failed.cause, service) from failed
    try:
        return await _pass_back(arrival, answer)
    finally:
        answer.close()


def _outgoing(arrival: Arrival, upstream: Upstream) -> Outgoing:
    service = upstream.service
    return Outgoing(
        method=arrival.request.method,
        target=target_of(arrival, service),
        headers=headers_of(arrival, service),
        tenant=cast(TenantInfo, arrival.tenant).id,
        deadline=asyncio.get_running_loop().time() + service.total_seconds,
    )


async def _take_body(request: web.BaseRequest, outgoing: Outgoing, upstream: Upstream, entry: Entry) -> None:
    """Read the body if it is small, so that it can be sent twice; else have it passed on as it comes."""
    entry.receive_body()
    await _tell_to_go_on(request)
    length = request.content_length
    if length is not None and length <= KEPT_BODY:
        outgoing.body = await _whole_body(request, upstream)
        await entry.enter()
    else:
        outgoing.body = _bounded(request, upstream.service.max_body, entry)


def target_of(arrival: Arrival, service: ServiceInfo) -> str:
    """Return path and query as the service is asked for them."""
    target = arrival.request.raw_path
    if not service.runs_sangga:  # which takes off by itself what names the tenant
        target = target.removeprefix(arrival.tenant_prefix)
    return "/" + target.removeprefix(arrival.prefix).lstrip("/") if service.strip_prefix else target


def headers_of(arrival: Arrival, service: ServiceInfo) -> CIMultiDict[str]:
    """Return the headers of the request to the service: what passes of the client's, and what the gateway says."""
    request, tenant = arrival.request, cast(TenantInfo, arrival.tenant)
    # A service of this code base tells sessions and tokens by itself. To others a token is a secret of another place.
    headers = for_service(request.headers, runs_sangga=service.runs_sangga)
    host, call = request.headers[hdrs.HOST], arrival.call
    client, scheme = client_of(request)
    # Added and not set: a client's headers of these names have all been taken off.
    headers.extend(
        [
            (hdrs.HOST, host),
            (hdrs.X_FORWARDED_HOST, host),
            (hdrs.X_FORWARDED_FOR, client),
            (hdrs.X_FORWARDED_PROTO, scheme),
            (IDENTITY, identity_header(service.name, tenant, arrival.principal or STRANGER)),
            *call.headers(service.total_seconds, call.span_id).items(),
        ]
    )
    if service.strip_prefix:
        headers[X_FORWARDED_PREFIX] = arrival.prefix.rstrip("/")
    if (length := request.content_length) is not None and request.body_exists:
        headers[hdrs.CONTENT_LENGTH] = str(length)
    return headers


async def _tell_to_go_on(request: web.BaseRequest) -> None:
    """Answer a client that waits for leave to send its body."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _check_length(request: web.BaseRequest, service: ServiceInfo) -> None:
    if (request.content_length or 0) > service.max_body:
        raise _refusal_of_body(TooLarge(), service)


async def _whole_body(request: web.BaseRequest, upstream: Upstream) -> bytes:
    service = upstream.service
    try:
        async with asyncio.timeout(service.attempt_seconds):
            return await request.content.read()
    except TimeoutError as error:
        raise _refusal_of_body(error, service) from error


async def _bounded(request: web.BaseRequest, most: int, entry: Entry) -> AsyncIterator[bytes]:
    """Pass a body on as it comes, and the end of it as soon as the request has its place."""
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > most:
            raise TooLarge
        if size == request.content_length:
            await entry.enter()
        yield chunk
    await entry.enter()


def _refusal_of_body(cause: Exception, service: ServiceInfo) -> Refused:
    if isinstance(cause, TooLarge):
        return Refused(413, f"{service.name} takes bodies of {service.max_body} bytes at the most.", hang_up=True)
    if isinstance(cause, TimeoutError):
        return Refused(408, "The body of the request did not come in time.", hang_up=True)
    return Refused(400, "The body of the request broke off.", hang_up=True)


async def _pass_back(arrival: Arrival, answer: Answer) -> web.StreamResponse:
    headers = for_client(answer.headers, runs_sangga=answer.upstream.service.runs_sangga)
    headers[REQUEST_ID] = arrival.call.request_id
    if answer.body is not None:
        return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=answer.body)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await response.prepare(arrival.request)
    await _stream(arrival, answer, response)
    return response


async def _stream(arrival: Arrival, answer: Answer, response: web.StreamResponse) -> None:
    """Pass a body on, no faster than the client takes it."""
    idle = answer.upstream.service.idle_seconds
    try:
        async for chunk in answer.chunks():
            async with asyncio.timeout(idle):
                await response.write(chunk)
        await response.write_eof()
    except (ServiceFailed, TimeoutError):
        # The status is gone out already. That the rest is missing, a client learns from the broken connection.
        if arrival.request.transport is not None:
            arrival.request.transport.abort()
        raise
