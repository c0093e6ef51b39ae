"""Streamed bodies: each chunk is produced in the scope of its request, after the middleware has returned."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import partial
from typing import cast

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from tenants.http.request_scope import RequestScope, StreamState
from tenants.isolation.patches.request_state import RequestState
from tenants.postgresql.connection_watch import Watch


def stream_in_scope(response: StreamingHttpResponse, scope: RequestScope, what: str) -> None:
    """Produce and close the body of `response` inside `scope`; `what` names the work in the log."""
    closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined]
    body = response._iterator  # type: ignore[attr-defined]
    if getattr(body, "aclose", None) is not None:
        # Not left to the garbage collector, which would close it in the scope of another request.
        closers.append(partial(async_to_sync(_aclose), body))
    kept = StreamState(RequestState(), Watch(what))
    closers[:] = [partial(_close, closer, scope, kept) for closer in (*closers, kept.watch.roll_back)]
    # Not aiter(): it reads the attribute at the first chunk, and would find this iterator itself.
    chunks = response.streaming_content
    if response.is_async:
        response.streaming_content = _stream_async(cast(AsyncIterator[bytes], chunks), scope, kept)
    else:
        response.streaming_content = _stream(cast(Iterator[bytes], chunks), scope, kept)


async def _aclose(body: AsyncGenerator[bytes]) -> None:
    await body.aclose()


def _close(closer: Callable[[], object], scope: RequestScope, kept: StreamState) -> None:
    with scope.activate(kept):
        closer()


def _stream(chunks: Iterator[bytes], scope: RequestScope, kept: StreamState) -> Iterator[bytes]:
    while True:
        with scope.activate(kept):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _stream_async(chunks: AsyncIterator[bytes], scope: RequestScope, kept: StreamState) -> AsyncIterator[bytes]:
    while True:
        with scope.activate(kept):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk
