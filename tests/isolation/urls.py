"""URLconf of tenants whose views print the tenant, and can fail at every stage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, HttpResponseServerError, StreamingHttpResponse
from django.template import engines
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from tenants import current_tenant

MIDDLEWARE = ["tenants.http.middleware.TenantMiddleware", "tests.isolation.urls.faults"]
CHUNKS = 3

closed_as: list[str] = []
"""Who the streamed bodies and views that were not wanted to their end found themselves to be, when they were closed."""

waiting: dict[str, asyncio.Event] = {}
"""Set as soon as a tenant is in the view that waits."""


class Fault(Exception):
    """Raised where the request asks for it with `?fault=`."""


def marker() -> str:
    """Return whose this place is: what the context, the server and the rows say."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        schema, role = cursor.fetchone()
    return "|".join([current_tenant().slug, schema, role, User.objects.get().username])


async def amarker() -> str:
    """Return the same by the asynchronous ways of the ORM."""
    schema, role = await sync_to_async(_where)()
    await asyncio.sleep(0)
    names = [user.username async for user in User.objects.all()]
    assert names == [(await User.objects.aget()).username]
    return "|".join([current_tenant().slug, schema, role, *names])


def _where() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        return cursor.fetchone()


def fail_if(request: HttpRequest, stage: str) -> None:
    if request.GET.get("fault") == stage:
        if stage == "stream":
            request.close()  # Django's ASGI handler leaves the request's body open when a stream raises
        raise Fault(stage)


@sync_and_async_middleware
def faults(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware that asks the database before and after the view, and fails where it is asked to."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.marker_before = marker()  # type: ignore[attr-defined]
        fail_if(request, "before")
        response = get_response(request)
        response["X-After"] = marker()
        fail_if(request, "after")
        return response

    async def answer_async(request: HttpRequest) -> HttpResponse:
        request.marker_before = await amarker()  # type: ignore[attr-defined]
        fail_if(request, "before")
        response = await get_response(request)
        response["X-After"] = await amarker()
        fail_if(request, "after")
        return response

    return answer_async if iscoroutinefunction(get_response) else answer


def plain(request: HttpRequest) -> HttpResponse:
    first = marker()
    fail_if(request, "view")
    if request.GET.get("fault") == "sql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    return HttpResponse(first)


def template(request: HttpRequest) -> HttpResponse:
    def lazily() -> str:
        fail_if(request, "template")
        return marker()

    return HttpResponse(engines["django"].from_string("{{ lazily }}").render({"lazily": lazily}))


def atomic(request: HttpRequest) -> HttpResponse:
    """Write in a transaction and a savepoint, and fail inside either."""
    hooks: list[str] = []
    with transaction.atomic():
        Group.objects.create(name=request.GET["name"])
        transaction.on_commit(lambda: hooks.append(marker()))
        with transaction.atomic():
            Group.objects.filter(name=request.GET["name"]).delete()
            fail_if(request, "savepoint")
        fail_if(request, "atomic")
        inside = marker()
    assert hooks == [inside]
    return HttpResponse(inside)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[str]:
        try:
            for number in range(CHUNKS):
                yield marker() + "\n"
                if number:
                    fail_if(request, "stream")
        except GeneratorExit:
            closed_as.append(marker())
            raise

    return StreamingHttpResponse(chunks())


def rows(request: HttpRequest) -> StreamingHttpResponse:
    """Stream straight from a server-side cursor."""
    return StreamingHttpResponse(f"{user.username}\n" for user in User.objects.iterator(chunk_size=1))


def place(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what hangs on the request's place: the addresses that are made and the time zone."""
    return StreamingHttpResponse(f"{reverse('place')} {timezone.get_current_timezone_name()}\n" for _ in range(2))


async def plain_async(request: HttpRequest) -> HttpResponse:
    first = await amarker()
    await asyncio.sleep(0.001)
    fail_if(request, "view")
    assert await amarker() == first
    return HttpResponse(first)


async def gathered(request: HttpRequest) -> HttpResponse:
    """Ask from several tasks at once."""
    found = set(await asyncio.gather(*(amarker() for _ in range(3))))
    fail_if(request, "view")
    return HttpResponse("\n".join(found))


async def stream_async(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[str]:
        for number in range(CHUNKS):
            await asyncio.sleep(0)
            yield await amarker() + "\n"
            if number:
                fail_if(request, "stream")

    return StreamingHttpResponse(chunks())


async def endless(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[str]:
        try:
            while True:
                yield await amarker() + "\n"
        finally:
            closed_as.append(current_tenant().slug)

    return StreamingHttpResponse(chunks())


async def wait(request: HttpRequest) -> HttpResponse:
    """Wait for ever, and ask the database once more when it is cancelled."""
    try:
        waiting[(await amarker()).partition("|")[0]].set()
        await asyncio.Event().wait()
    finally:
        closed_as.append(await amarker())
    raise AssertionError


def server_error(request: HttpRequest) -> HttpResponse:
    return HttpResponseServerError(marker())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponseNotFound("nothing here")


handler404 = not_found
handler500 = server_error

urlpatterns = [
    path("plain/", plain),
    path("template/", template),
    path("atomic/", atomic),
    path("stream/", stream),
    path("rows/", rows),
    path("place/", place, name="place"),
    path("plain-async/", plain_async),
    path("gathered/", gathered),
    path("stream-async/", stream_async),
    path("endless/", endless),
    path("waiting/", wait),
]
