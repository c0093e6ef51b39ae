"""Calls of mounted ASGI applications from the thread of a Django request, under WSGI and ASGI servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from tenants.contrib.mounts.call_limits import ResponseTimeout
from tenants.contrib.mounts.errors import MountTimedOut
from tenants.contrib.mounts.exit_guard import as_error
from tenants.contrib.mounts.lifespan import LifespanApplication, Scope
from tenants.contrib.mounts.request import MountedResponse, MountRequest

_CHUNK = 65_536
"""Bytes of a request's body that are read at once."""


class AsgiApplication(LifespanApplication):
    """An ASGI application of one tenant."""

    def answer(self, request: MountRequest) -> MountedResponse:
        """Call the application and return its response, whose body arrives as fast as the server reads it."""
        exchange = _Exchange(self.loop, request.request, request.timeout, request.use.hold())
        request.disconnect.on_set(exchange.abandon)
        try:
            exchange.begin(self.call(scope_of(request), exchange.receive, exchange.send))
            start = exchange.next_message()
            if start is None or start["type"] != "http.response.start":
                raise RuntimeError("the application sent no http.response.start")
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", [])]
            return MountedResponse(start["status"], "", headers, exchange)
        except BaseException:
            exchange.close()
            raise


class _Read(NamedTuple):
    """The application waits for the next chunk of the request's body."""

    chunk: asyncio.Future[bytes | None]


class _Sent(NamedTuple):
    """The application sent a message and waits until it is read."""

    message: dict[str, Any]
    is_read: asyncio.Future[None]


class _Exchange:
    """Messages between one call, on the application's loop, and the thread that reads its response.

    That thread also reads the request's body when the application asks for it: it is waiting anyway, and a slow body
    then blocks no other thread.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        request: HttpRequest,
        timeout: ResponseTimeout,
        release: Callable[[], None],
    ) -> None:
        self._call: Future[None] | None = None
        self._loop = loop
        self._request = request
        self._timeout = timeout
        self._release = release
        self._has_body = True
        self._is_complete = False
        self._messages: SimpleQueue[_Read | _Sent | None] = SimpleQueue()
        self._disconnected = asyncio.Event()

    # --- On the application's loop

    async def receive(self) -> dict[str, Any]:
        if self._has_body and not self._disconnected.is_set():
            future: asyncio.Future[bytes | None] = self._loop.create_future()
            self._messages.put(_Read(future))
            chunk = await future
            self._has_body = bool(chunk)
            if chunk is not None:
                return {"type": "http.request", "body": chunk, "more_body": self._has_body}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._disconnected.is_set():
            raise OSError("the client has disconnected")  # as ASGI requires since version 2.4
        is_read: asyncio.Future[None] = self._loop.create_future()
        self._messages.put(_Sent(message, is_read))
        await is_read  # backpressure

    # --- On the request's thread

    def begin(self, call: Future[None]) -> None:
        self._call = call
        call.add_done_callback(self._end)

    def _end(self, _: Future[None]) -> None:
        self._release()
        self._messages.put(None)

    def next_message(self) -> dict[str, Any] | None:
        """Return the application's next message, or None when it has ended; raise its error."""
        self._timeout.restart()
        while True:
            try:
                got = self._timeout.next_message(self._messages)
            except MountTimedOut:
                self._cancel()
                raise
            if got is None:
                self._raise_if_failed()
                return None
            if isinstance(got, _Read):
                self._read(got.chunk)
                self._timeout.restart()
                continue
            self._on_loop(_resolve, got.is_read, None)
            return got.message

    def _raise_if_failed(self) -> None:
        if self._call is None or not self._call.done():
            raise OSError("the client has disconnected")
        if not self._call.cancelled() and (raised := self._call.exception()) is not None:
            raise as_error(raised)

    def _read(self, future: asyncio.Future[bytes | None]) -> None:
        try:
            self._on_loop(_resolve, future, self._request.read(_CHUNK))
        except (UnreadablePostError, OSError):
            self._on_loop(self._disconnect)
            self._on_loop(_resolve, future, None)
        except Exception as error:
            self._on_loop(_fail, future, error)

    def __iter__(self) -> Iterator[bytes]:
        while (message := self.next_message()) is not None:
            if message["type"] != "http.response.body":
                continue  # an extension that the scope does not offer
            self._is_complete = not message.get("more_body")
            if self._is_complete:
                self._release()  # the application may go on after its response
            if body := message.get("body"):
                yield body
            if self._is_complete:
                return

    def abandon(self) -> None:
        """Wake the thread that waits for the application, and close the exchange. Callable from any thread."""
        self._messages.put(None)
        self.close()

    def close(self) -> None:
        """Send http.disconnect; cancel an incomplete call that does not end within the timeout."""
        self._on_loop(self._disconnect)
        if self._call is None:
            self._release()  # it was never called
        elif not self._is_complete:
            self._on_loop(self._loop.call_later, self._timeout.seconds, self._cancel)

    def _on_loop(self, function: Callable[..., object], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *args)

    def _disconnect(self) -> None:
        self._disconnected.set()
        while not self._messages.empty():
            got = self._messages.get_nowait()
            if isinstance(got, _Sent):
                _fail(got.is_read, OSError("the client has disconnected"))
            elif isinstance(got, _Read):
                _resolve(got.chunk, None)
        self._messages.put(None)  # for a thread that still waits

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def scope_of(request: MountRequest) -> Scope:
    """Return the ASGI scope; its `remote_user` is the user's name, where the application is for staff."""
    meta = request.request.META
    headers = {name.lower(): value for name, value in request.request.headers.items() if name != "Cookie"}
    if request.cookies:
        headers["cookie"] = request.cookies
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": meta.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        "method": request.request.method,
        "scheme": request.request.scheme,
        "path": request.script_name + request.path_info,
        "root_path": request.script_name,
        "query_string": meta.get("QUERY_STRING", "").encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": (meta.get("REMOTE_ADDR", ""), int(meta.get("REMOTE_PORT") or 0)),
        "server": (meta.get("SERVER_NAME", ""), int(meta.get("SERVER_PORT") or 0)),
        "remote_user": request.remote_user,
    }
