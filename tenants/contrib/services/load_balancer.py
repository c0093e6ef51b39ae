"""Load balancer: sends a request to one of a service's endpoints, with timeouts and retries. For gateway and client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy

from tenants.contrib.observability.request_context import SECONDS_LEFT
from tenants.contrib.services.endpoints import Endpoint
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.http_transport import ConnectionPool, InvalidResponse, TransportResponse
from tenants.contrib.services.retry_budget import IDEMPOTENT
from tenants.contrib.services.upstreams import Upstream

MAX_BUFFERED_RESPONSE = 256 * 1024
"""Bytes of a response that are read before it is used: if that fails, another endpoint can be tried."""


class RequestBodyError(Exception):
    """The request's body could not be read to its end, which is not the service's fault."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True)
class OutgoingRequest:
    """A request to a service, while it is sent."""

    method: str
    target: str
    """Path and query of the request line."""
    headers: CIMultiDict[str]
    tenant: int
    """The tenant's id."""
    deadline: float
    """When the response must have begun, by the loop's clock."""
    body: bytes | AsyncIterable[bytes] | None = None
    body_started: bool = False
    """Whether part of a streamed body was read, so that the request cannot be sent again."""
    body_error: Exception | None = None
    """Error that stopped a streamed body."""
    timeout: asyncio.Timeout | None = None
    """The timeout of the current attempt, which restarts with each chunk of a streamed body."""
    waits_for_body: bool = False
    """Whether the next chunk comes from the client, so that a timeout is not the service's."""

    def can_retry(self, *, reached: bool) -> bool:
        """Tell whether another attempt is safe: the service saw nothing of the first, or the method is idempotent."""
        if self.body_started:
            return False
        return not reached or self.method in IDEMPOTENT

    async def chunks(self, seconds: float) -> AsyncIterator[bytes]:
        """Yield a streamed body; each chunk restarts the timeout of the attempt."""
        chunks = aiter(self.body)  # type: ignore[arg-type]
        self.body_started = True
        try:
            while True:
                self.waits_for_body = True
                chunk = await anext(chunks, None)
                self.waits_for_body = False
                if self.timeout is not None and not self.timeout.expired():
                    self.timeout.reschedule(asyncio.get_running_loop().time() + seconds)
                if chunk is None:
                    return
                yield chunk
        except Exception as error:
            self.body_error = error
            raise


class UpstreamResponse:
    """The response of a service. The caller closes it."""

    def __init__(self, upstream: Upstream, attempt: _Attempt, received: TransportResponse) -> None:
        self._attempt = attempt
        self._received = received
        self.upstream = upstream
        self.endpoint = attempt.endpoint
        self.status = received.status
        self.reason = received.reason
        self.headers: CIMultiDictProxy[str] = received.headers
        self.body: bytes | None = None
        """The whole body if it is small; None: `chunks` yields it."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raise `ServiceFailed` if it breaks off."""
        try:
            content, idle = self._received.content, self.upstream.service.idle_seconds
            while not content.at_eof():
                async with asyncio.timeout(idle):
                    chunk = await content.readany()
                if chunk:
                    yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.endpoint.record_failure(self._attempt.tenant, error)
            raise _service_error(self.upstream.service.name, error)[0] from error

    def close(self) -> None:
        """Release the connection, or close it if the body was not read to its end."""
        self._received.close()
        self._attempt.end()


class _Attempt:
    """A request to one endpoint, while it lasts."""

    def __init__(self, endpoint: Endpoint, tenant: int, pool: ConnectionPool) -> None:
        self.endpoint = endpoint
        self.tenant = tenant
        self.pool = pool
        endpoint.in_flight += 1
        endpoint.start_request(tenant)
        pool.in_use += 1

    def end(self) -> None:
        self.endpoint.in_flight -= 1
        self.pool.release()


class _AttemptFailed(Exception):
    def __init__(self, error: ServiceFailed, *, reached: bool) -> None:
        super().__init__(error)
        self.error = error
        self.reached = reached
        """Whether the service may have seen the request."""


async def send(upstream: Upstream, outgoing: OutgoingRequest) -> UpstreamResponse:
    """Return the service's response, which the caller closes.

    Raises `ServiceFailed`, or `RequestBodyError` if the request's body broke off.
    """
    upstream.budget.deposit()
    tried: list[Endpoint] = []
    last: _AttemptFailed | None = None
    while (endpoint := upstream.choose(outgoing.tenant, tried)) is not None:
        if endpoint in tried:  # the only one: give it a moment
            await asyncio.sleep(random.uniform(0.02, 0.1) * len(tried))  # noqa: S311
        try:
            return await _attempt(upstream, endpoint, outgoing)
        except _AttemptFailed as failure:
            last = failure
            tried.append(endpoint)
            if not _should_retry(upstream, outgoing, failure, len(tried)):
                break
    if last is None:
        raise upstream.unavailable(outgoing.tenant)
    raise last.error from last.__cause__


def _should_retry(upstream: Upstream, outgoing: OutgoingRequest, failure: _AttemptFailed, attempts: int) -> bool:
    return (
        attempts <= upstream.service.retries
        and outgoing.can_retry(reached=failure.reached)
        and asyncio.get_running_loop().time() < outgoing.deadline
        and upstream.budget.withdraw()
    )


async def _attempt(upstream: Upstream, endpoint: Endpoint, outgoing: OutgoingRequest) -> UpstreamResponse:
    attempt = _Attempt(endpoint, outgoing.tenant, upstream.pool)
    try:
        response = await _response_in_time(upstream, attempt, outgoing)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        attempt.end()
        if outgoing.body_error or (outgoing.waits_for_body and isinstance(error, TimeoutError)):
            endpoint.record_cancelled(outgoing.tenant)
            raise RequestBodyError(outgoing.body_error or TimeoutError("The body timed out.")) from error
        endpoint.record_failure(outgoing.tenant, error)
        failure, reached = _service_error(upstream.service.name, error)
        raise _AttemptFailed(failure, reached=reached) from error
    except BaseException:
        endpoint.record_cancelled(outgoing.tenant)
        attempt.end()
        raise
    endpoint.record_success(outgoing.tenant)
    return response


async def _response_in_time(upstream: Upstream, attempt: _Attempt, outgoing: OutgoingRequest) -> UpstreamResponse:
    """Return the response as soon as it has begun; a small one when it is complete."""
    service, now = upstream.service, asyncio.get_running_loop().time()
    until = min(now + service.attempt_seconds, outgoing.deadline)
    headers = outgoing.headers.copy()
    # The time of this attempt, not of all: the service could use up the time for the other attempts.
    headers[SECONDS_LEFT] = f"{max(until - now, 0):.3f}"
    async with asyncio.timeout_at(until) as outgoing.timeout:
        is_stream = outgoing.body is not None and not isinstance(outgoing.body, bytes)
        try:
            received = await attempt.pool.request(
                attempt.endpoint.info.url,
                outgoing.method,
                outgoing.target,
                headers,
                outgoing.chunks(service.attempt_seconds) if is_stream else outgoing.body,
            )
        finally:
            outgoing.timeout = None  # a response may begin before the request has ended
        try:
            response = UpstreamResponse(upstream, attempt, received)
            if _is_small(outgoing.method, received):
                content = received.content
                # A small body has usually arrived together with the headers.
                response.body = content.read_nowait() if content.is_eof() else await content.read()
        except BaseException:
            received.close()
            raise
        return response


def _is_small(method: str, received: TransportResponse) -> bool:
    length = received.headers.get(hdrs.CONTENT_LENGTH)
    has_no_body = method == "HEAD" or received.status in {204, 304}
    return has_no_body or (length is not None and int(length) <= MAX_BUFFERED_RESPONSE)


def _service_error(service: str, error: BaseException) -> tuple[ServiceFailed, bool]:
    """Return the error to raise, and whether the service may have seen the request."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ServiceFailed(service, "could not be connected to in time", 504), False
    if isinstance(error, aiohttp.ClientConnectorError):
        return ServiceFailed(service, "could not be connected to"), False
    if isinstance(error, TimeoutError):
        return ServiceFailed(service, "timed out", 504), True
    if isinstance(error, aiohttp.ClientPayloadError):
        return ServiceFailed(service, "closed the connection within its response"), True
    if isinstance(error, InvalidResponse):
        return ServiceFailed(service, "sent an invalid HTTP response"), True
    return ServiceFailed(service, "closed the connection before responding"), True
