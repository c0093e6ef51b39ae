"""Calling an ASGI application from a thread that answers a request of Django's, under WSGI and ASGI servers alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from tenants.contrib.mounts.call_limits import Patience
from tenants.contrib.mounts.errors import MountTimedOut
from tenants.contrib.mounts.exit_guard import as_error
from tenants.contrib.mounts.lifespan import HostedApplication, Scope
from tenants.contrib.mounts.request import MountedResponse, Visit

_CHUNK = 65_536
"""How many bytes of a request's body are read at once."""


class AsgiApplication(HostedApplication):
    """An ASGI application of one tenant."""

    def answer(self, visit: Visit) -> MountedResponse:
        """Call the application and return its answer, whose body is made as fast as the server takes it."""
        exchange = _Exchange(self.loop, visit.request, visit.patience, visit.use.hold())
        visit.leaving.then(exchange.abandon)
        try:
            exchange.begin(self.call(scope_of(visit), exchange.receive, exchange.send))
            start = exchange.next_message()
            if start is None or start["type"] != "http.response.start":
                raise RuntimeError("the application sent no http.response.start")
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", [])]
            return MountedResponse(start["status"], "", headers, exchange)
        except BaseException:
            exchange.close()
            raise


class _Read(NamedTuple):
    """The application asks for the next piece of the request's body."""

    piece: asyncio.Future[bytes | None]


class _Sent(NamedTuple):
    """The application sends something, and waits until it was taken."""

    message: dict[str, Any]
    taken: asyncio.Future[None]


class _Exchange:
    """What goes back and forth between one call on the application's loop and the thread that reads its answer.

    That thread reads the request's body as well, when the application asks for it: it waits for the application anyway,
    and a slow body then holds no thread but its own.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, request: HttpRequest, patience: Patience, release: Callable[[], None]
    ) -> None:
        self._call: Future[None] | None = None
        self._loop = loop
        self._request = request
        self._patience = patience
        self._release = release
        self._has_body = True
        self._is_whole = False
        self._messages: SimpleQueue[_Read | _Sent | None] = SimpleQueue()
        self._gone = asyncio.Event()

    # --- On the application's loop

    async def receive(self) -> dict[str, Any]:
        if self._has_body and not self._gone.is_set():
            asked: asyncio.Future[bytes | None] = self._loop.create_future()
            self._messages.put(_Read(asked))
            piece = await asked
            self._has_body = bool(piece)
            if piece is not None:
                return {"type": "http.request", "body": piece, "more_body": self._has_body}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._gone.is_set():
            raise OSError("the client has gone")  # as the standard has it since version 2.4
        taken: asyncio.Future[None] = self._loop.create_future()
        self._messages.put(_Sent(message, taken))
        await taken  # no faster than it is read

    # --- On the request's thread

    def begin(self, call: Future[None]) -> None:
        self._call = call
        call.add_done_callback(self._end)

    def _end(self, _: Future[None]) -> None:
        """Let the thread know that nothing more comes."""
        self._release()
        self._messages.put(None)

    def next_message(self) -> dict[str, Any] | None:
        """Return what the application sends next, or None when it has ended; raise what it failed with."""
        self._patience.begin()
        while True:
            try:
                got = self._patience.next_of(self._messages)
            except MountTimedOut:
                self._cancel()
                raise
            if got is None:
                self._raise_if_failed()
                return None
            if isinstance(got, _Read):
                self._read(got.piece)
                self._patience.begin()
                continue
            self._on_loop(_resolve, got.taken, None)
            return got.message

    def _raise_if_failed(self) -> None:
        if self._call is None or not self._call.done():
            raise OSError("the client has gone")
        if not self._call.cancelled() and (raised := self._call.exception()) is not None:
            raise as_error(raised)

    def _read(self, asked: asyncio.Future[bytes | None]) -> None:
        try:
            self._on_loop(_resolve, asked, self._request.read(_CHUNK))
        except (UnreadablePostError, OSError):
            self._on_loop(self._hang_up)  # who sent it has gone
            self._on_loop(_resolve, asked, None)
        except Exception as error:
            self._on_loop(_fail, asked, error)

    def __iter__(self) -> Iterator[bytes]:
        while (message := self.next_message()) is not None:
            if message["type"] != "http.response.body":
                continue  # an extension that nobody has offered
            self._is_whole = not message.get("more_body")
            if self._is_whole:
                self._release()  # what it still does after a whole answer is left to it
            if body := message.get("body"):
                yield body
            if self._is_whole:
                return

    def abandon(self) -> None:
        """Let the thread go that waits for the application, and tell that its client has gone. From any thread."""
        self._messages.put(None)
        self.close()

    def close(self) -> None:
        """Tell the application that its client has gone; one that was cut off is cancelled if it does not end soon."""
        self._on_loop(self._hang_up)
        if self._call is None:
            self._release()  # it was never called
        elif not self._is_whole:
            self._on_loop(self._loop.call_later, self._patience.seconds, self._cancel)

    def _on_loop(self, function: Callable[..., object], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended, and all that was on it
            self._loop.call_soon_threadsafe(function, *args)

    def _hang_up(self) -> None:
        self._gone.set()
        while not self._messages.empty():
            got = self._messages.get_nowait()
            if isinstance(got, _Sent):
                _fail(got.taken, OSError("the client has gone"))
            elif isinstance(got, _Read):
                _resolve(got.piece, None)
        self._messages.put(None)  # for the thread that may wait yet

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def scope_of(visit: Visit) -> Scope:
    """Return the scope of a request; `remote_user` in it is who is signed in, where the application is for staff."""
    meta = visit.request.META
    named = {name.lower(): value for name, value in visit.request.headers.items() if name != "Cookie"}
    if visit.cookies:
        named["cookie"] = visit.cookies
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": meta.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        "method": visit.request.method,
        "scheme": visit.request.scheme,
        "path": visit.script_name + visit.path_info,
        "root_path": visit.script_name,
        "query_string": meta.get("QUERY_STRING", "").encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()],
        "client": (meta.get("REMOTE_ADDR", ""), int(meta.get("REMOTE_PORT") or 0)),
        "server": (meta.get("SERVER_NAME", ""), int(meta.get("SERVER_PORT") or 0)),
        "remote_user": visit.remote_user,
    }
