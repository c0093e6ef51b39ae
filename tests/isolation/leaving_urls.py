"""URLconf of tenants whose views leave transactions open in all possible ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

entered: list[AbstractContextManager[object]] = []


def _atomic() -> None:
    transaction.atomic().__enter__()


def _atomic_twice() -> None:
    _atomic()
    _atomic()


def _begin() -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")


def _autocommit() -> None:
    connection.set_autocommit(False)


def _driver() -> None:
    connection.ensure_connection()
    _enter(connection.connection.transaction())


def _pipeline() -> None:
    connection.ensure_connection()
    _enter(connection.connection.pipeline())


def _enter(block: AbstractContextManager[object]) -> None:
    entered.append(block)  # otherwise it is collected at once, and so left
    block.__enter__()


def _broken() -> None:
    _atomic()
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT 1/0")
        except Exception:
            return


WAYS: dict[str, Callable[[], None]] = {
    "atomic": _atomic,
    "twice": _atomic_twice,
    "begin": _begin,
    "autocommit": _autocommit,
    "driver": _driver,
    "pipeline": _pipeline,
    "broken": _broken,
}


def _leave(way: str) -> None:
    WAYS[way]()
    if way not in {"pipeline", "broken"}:
        Group.objects.create(name="lost")


def leave(request: HttpRequest, way: str) -> HttpResponse:
    _leave(way)
    return HttpResponse("left")


def leave_and_raise(request: HttpRequest, way: str) -> HttpResponse:
    _leave(way)
    raise KeyError("after it")


async def leave_async(request: HttpRequest, way: str) -> HttpResponse:
    await sync_to_async(_leave)(way)
    return HttpResponse("left")


def stream(request: HttpRequest, way: str) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        yield b"a"
        _leave(way)
        yield b"b"

    return StreamingHttpResponse(chunks())


async def stream_async(request: HttpRequest, way: str) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        await sync_to_async(_leave)(way)
        yield b"b"

    return StreamingHttpResponse(chunks())


def stream_in_transaction(request: HttpRequest) -> StreamingHttpResponse:
    """Stream inside one transaction from the first chunk to the last, as code may well do."""

    def chunks() -> Iterator[bytes]:
        with transaction.atomic():
            Group.objects.create(name="streamed")
            yield b"a"
            yield str(Group.objects.filter(name="streamed").count()).encode()

    return StreamingHttpResponse(chunks())


def write(request: HttpRequest) -> HttpResponse:
    Group.objects.create(name=request.GET["name"])
    return HttpResponse("written")


urlpatterns = [
    path("leave/<way>/", leave),
    path("leave-and-raise/<way>/", leave_and_raise),
    path("leave-async/<way>/", leave_async),
    path("stream/<way>/", stream),
    path("stream-async/<way>/", stream_async),
    path("stream-in-transaction/", stream_in_transaction),
    path("write/", write),
]
