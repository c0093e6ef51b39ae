"""URLconf of tenants whose views keep their slot as long as a test wants, or run a statement too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from threading import Event

from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from tenants.contrib.api.base import make_api

inside = Event()
"""Set as soon as a request is in a view that waits."""
go_on = Event()
"""Set by the test to let them out."""


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("here you are")


def wait(request: HttpRequest) -> HttpResponse:
    inside.set()
    assert go_on.wait(180)
    return HttpResponse("at last")


async def wait_async(request: HttpRequest) -> HttpResponse:
    inside.set()
    await _until_let_out()
    return HttpResponse("at last")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_chunks())


def wait_in_stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        inside.set()
        assert go_on.wait(180)
        yield b"at last"

    return StreamingHttpResponse(chunks())


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_chunks_async())


def _chunks() -> Iterator[bytes]:
    yield b"a"
    yield b"b"


async def _chunks_async() -> AsyncIterator[bytes]:
    inside.set()
    yield b"a"
    await _until_let_out()
    yield b"b"


async def _until_let_out() -> None:
    while not go_on.is_set():  # noqa: ASYNC110 - the test sets it from another thread
        await asyncio.sleep(0.005)


def sleep(request: HttpRequest, ways: str) -> HttpResponse:
    """Let PostgreSQL sleep for as many seconds as asked for, in one of the ways in which statements are sent."""
    seconds = float(request.GET["seconds"])
    if ways == "atomic":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.execute("SELECT pg_sleep(%s)", [seconds])
    elif ways == "many":
        with connection.cursor() as cursor:
            cursor.executemany("SELECT pg_sleep(%s)", [[seconds]])
    elif ways == "savepoint":
        with transaction.atomic():
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SELECT 1 / 0")
            except DatabaseError:
                pass  # what it is about is the savepoint that was rolled back
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(%s)", [seconds])
    else:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return HttpResponse("slept well")


def fail(request: HttpRequest) -> HttpResponse:
    raise ValueError("a mistake")


api = make_api("busy", title="Busy")


@api.get("/sleep")
def sleep_in_api(request: HttpRequest, seconds: float) -> str:
    sleep(request, "plain")
    return "slept well"


urlpatterns = [
    path("", plain),
    path("wait/", wait),
    path("wait-async/", wait_async),
    path("wait-in-sync-stream/", wait_in_stream),
    path("stream/", stream),
    path("stream-async/", stream_async),
    path("sleep/<str:ways>/", sleep),
    path("fail/", fail),
    path("api/v1/", api.urls),
]
