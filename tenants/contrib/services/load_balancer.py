"""Sends a request to a service: to which address, how long, how often. The one way for the gateway and the mesh."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy

from tenants.contrib.observability.request_context import SECONDS_LEFT
from tenants.contrib.services.endpoints import Address
from tenants.contrib.services.errors import ServiceFailed
from tenants.contrib.services.http_transport import Connections, NotHTTP, Received
from tenants.contrib.services.retry_budget import IDEMPOTENT
from tenants.contrib.services.upstreams import Upstream

SMALL = 256 * 1024
"""Bytes of an answer that are read before it counts as one: until then another address can be asked instead."""


class BodyFailed(Exception):
    """The body of a request could not be read to its end. No fault of the service."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True)
class Outgoing:
    """A request as it is sent."""

    method: str
    target: str
    """Path and query, as they stand in the request line."""
    headers: CIMultiDict[str]
    tenant: int
    """The id of the tenant in whose name it is sent."""
    deadline: float
    """By the loop's clock: when its sender stops waiting for the answer to begin."""
    body: bytes | AsyncIterable[bytes] | None = None
    is_begun: bool = False
    """Whether a streamed body was asked for, so that it cannot be sent again."""
    body_error: Exception | None = None
    """What stopped a streamed body."""
    patience: asyncio.Timeout | None = None
    """Runs while an address is waited for; as long as a streamed body goes on, it starts anew."""
    waits_for_body: bool = False
    """Whether it is not the service that is waited for, but who sends the body."""

    def can_be_sent_again(self, *, reached: bool) -> bool:
        """Tell whether another attempt does no harm: nothing came of the first, or doing it twice is doing it once."""
        if self.is_begun:
            return False
        return not reached or self.method in IDEMPOTENT

    async def chunks(self, seconds: float) -> AsyncIterator[bytes]:
        """Yield a streamed body, and let every chunk of it start the patience with the address anew."""
        chunks = aiter(self.body)  # type: ignore[arg-type]
        self.is_begun = True
        try:
            while True:
                self.waits_for_body = True
                chunk = await anext(chunks, None)
                self.waits_for_body = False
                if self.patience is not None and not self.patience.expired():
                    self.patience.reschedule(asyncio.get_running_loop().time() + seconds)
                if chunk is None:
                    return
                yield chunk
        except Exception as error:
            self.body_error = error
            raise


class Answer:
    """What a service answers. Has to be closed."""

    def __init__(self, upstream: Upstream, attempt: _Attempt, received: Received) -> None:
        self._attempt = attempt
        self._received = received
        self.upstream = upstream
        self.address = attempt.address
        self.status = received.status
        self.reason = received.reason
        self.headers: CIMultiDictProxy[str] = received.headers
        self.body: bytes | None = None
        """All of it, if it is small; None: `chunks` has it."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; raise `ServiceFailed` if it is cut off."""
        try:
            content, idle = self._received.content, self.upstream.service.idle_seconds
            while not content.at_eof():
                async with asyncio.timeout(idle):
                    chunk = await content.readany()
                if chunk:
                    yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.address.failed(self._attempt.tenant, error)
            raise _told(self.upstream.service.name, error)[0] from error

    def close(self) -> None:
        """Give the connection back, or close it if not all was read."""
        self._received.close()
        self._attempt.end()


class _Attempt:
    """One request to one address, while it lasts."""

    def __init__(self, address: Address, tenant: int, connections: Connections) -> None:
        self.address = address
        self.tenant = tenant
        self.connections = connections
        address.in_flight += 1
        address.begin(tenant)
        connections.in_use += 1

    def end(self) -> None:
        self.address.in_flight -= 1
        self.connections.release()


class _Failed(Exception):
    """One attempt has failed."""

    def __init__(self, error: ServiceFailed, *, reached: bool) -> None:
        super().__init__(error)
        self.error = error
        self.reached = reached
        """Whether the service may have seen the request."""


async def send(upstream: Upstream, outgoing: Outgoing) -> Answer:
    """Return the service's answer, which the caller closes.

    Raises `ServiceFailed`, or `BodyFailed` if the request's body broke off.
    """
    upstream.budget.note_request()
    tried: list[Address] = []
    last: _Failed | None = None
    while (address := upstream.choose(outgoing.tenant, tried)) is not None:
        if address in tried:  # there is no other: give it a moment
            await asyncio.sleep(random.uniform(0.02, 0.1) * len(tried))  # noqa: S311
        try:
            return await _ask(upstream, address, outgoing)
        except _Failed as failure:
            last = failure
            tried.append(address)
            if not _may_go_on(upstream, outgoing, failure, len(tried)):
                break
    if last is None:
        raise upstream.unavailable(outgoing.tenant)
    raise last.error from last.__cause__


def _may_go_on(upstream: Upstream, outgoing: Outgoing, failure: _Failed, attempts: int) -> bool:
    return (
        attempts <= upstream.service.retries
        and outgoing.can_be_sent_again(reached=failure.reached)
        and asyncio.get_running_loop().time() < outgoing.deadline
        and upstream.budget.take()
    )


async def _ask(upstream: Upstream, address: Address, outgoing: Outgoing) -> Answer:
    attempt = _Attempt(address, outgoing.tenant, upstream.connections)
    try:
        answer = await _answer_in_time(upstream, attempt, outgoing)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        attempt.end()
        if outgoing.body_error or (outgoing.waits_for_body and isinstance(error, TimeoutError)):
            address.gave_up(outgoing.tenant)
            raise BodyFailed(outgoing.body_error or TimeoutError("The body did not come in time.")) from error
        address.failed(outgoing.tenant, error)
        told, reached = _told(upstream.service.name, error)
        raise _Failed(told, reached=reached) from error
    except BaseException:
        address.gave_up(outgoing.tenant)
        attempt.end()
        raise
    address.succeeded(outgoing.tenant)
    return answer


async def _answer_in_time(upstream: Upstream, attempt: _Attempt, outgoing: Outgoing) -> Answer:
    """Return the answer, as soon as it has begun, or is there if it is small."""
    service, now = upstream.service, asyncio.get_running_loop().time()
    until = min(now + service.attempt_seconds, outgoing.deadline)
    headers = outgoing.headers.copy()
    # What this address is waited for, and not all attempts together: else what it asks for itself uses up that time.
    headers[SECONDS_LEFT] = f"{max(until - now, 0):.3f}"
    async with asyncio.timeout_at(until) as outgoing.patience:
        is_stream = outgoing.body is not None and not isinstance(outgoing.body, bytes)
        try:
            received = await attempt.connections.ask(
                attempt.address.info.url,
                outgoing.method,
                outgoing.target,
                headers,
                outgoing.chunks(service.attempt_seconds) if is_stream else outgoing.body,
            )
        finally:
            outgoing.patience = None  # an answer may begin before the request has ended
        try:
            answer = Answer(upstream, attempt, received)
            if _is_small(outgoing.method, received):
                content = received.content
                # With its headers, the whole of a small answer has mostly come as well.
                answer.body = content.read_nowait() if content.is_eof() else await content.read()
        except BaseException:
            received.close()
            raise
        return answer


def _is_small(method: str, received: Received) -> bool:
    length = received.headers.get(hdrs.CONTENT_LENGTH)
    return method == "HEAD" or received.status in {204, 304} or (length is not None and int(length) <= SMALL)


def _told(service: str, error: BaseException) -> tuple[ServiceFailed, bool]:
    """Return what went wrong in our own words, and whether the service may have seen the request."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ServiceFailed(service, "could not be connected to in time", 504), False
    if isinstance(error, aiohttp.ClientConnectorError):
        return ServiceFailed(service, "could not be connected to"), False
    if isinstance(error, TimeoutError):
        return ServiceFailed(service, "did not answer in time", 504), True
    if isinstance(error, aiohttp.ClientPayloadError):
        return ServiceFailed(service, "broke its answer off"), True
    if isinstance(error, NotHTTP):
        return ServiceFailed(service, "answered with what is no HTTP"), True
    return ServiceFailed(service, "hung up before it answered"), True
