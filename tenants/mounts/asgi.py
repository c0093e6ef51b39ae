"""Calling an ASGI application from a thread that answers a request of Django's, under WSGI and ASGI servers alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from django.http import HttpRequest

from tenants.mounts.hosting import HostedApplication, Scope
from tenants.mounts.visits import MountedResponse, Visit

_CHUNK = 65_536
"""How many bytes of a request's body are read at once."""


class AsgiApplication(HostedApplication):
    """An ASGI application of one tenant."""

    def answer(self, visit: Visit) -> MountedResponse:
        """Call the application and return its answer, whose body is made as fast as the server takes it."""
        exchange = _Exchange(self.loop, visit.request)
        exchange.call = self.call(scope_of(visit), exchange.receive, exchange.send)
        exchange.call.add_done_callback(exchange.end)
        try:
            start = exchange.next_message()
            if start is None or start["type"] != "http.response.start":
                raise RuntimeError("the application sent no http.response.start")
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", [])]
            return MountedResponse(start["status"], "", headers, exchange)
        except BaseException:
            exchange.close()
            raise


class _Exchange:
    """What goes back and forth between one call on the application's loop and the thread that reads its answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, request: HttpRequest) -> None:
        self.call: Future[None] = Future()
        self._loop = loop
        self._request = request
        self._has_body = True
        self._messages: SimpleQueue[tuple[dict[str, Any], asyncio.Future[None]] | None] = SimpleQueue()
        self._gone = asyncio.Event()

    # --- On the application's loop

    async def receive(self) -> dict[str, Any]:
        if self._has_body:
            body = await self._loop.run_in_executor(None, self._request.read, _CHUNK)
            self._has_body = bool(body)
            return {"type": "http.request", "body": body, "more_body": self._has_body}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._gone.is_set():
            raise OSError("the client has gone")  # as the standard has it since version 2.4
        taken: asyncio.Future[None] = self._loop.create_future()
        self._messages.put((message, taken))
        await taken  # no faster than it is read

    # --- On the request's thread

    def end(self, _: Future[None]) -> None:
        """Let the thread know that nothing more comes."""
        self._messages.put(None)

    def next_message(self) -> dict[str, Any] | None:
        """Return what the application sends next, or None when it has ended; raise what it failed with."""
        got = self._messages.get()
        if got is None:
            if not self.call.cancelled():
                self.call.result()
            return None
        message, taken = got
        self._loop.call_soon_threadsafe(_resolve, taken)
        return message

    def __iter__(self) -> Iterator[bytes]:
        while (message := self.next_message()) is not None:
            if message["type"] != "http.response.body":
                continue  # an extension that nobody has offered
            if body := message.get("body"):
                yield body
            if not message.get("more_body"):
                return

    def close(self) -> None:
        """Tell the application that nobody reads on. What it still does after a whole answer is left to it."""
        self._loop.call_soon_threadsafe(self._hang_up)

    def _hang_up(self) -> None:
        self._gone.set()
        while not self._messages.empty():
            got = self._messages.get_nowait()
            if got is not None and not got[1].done():
                got[1].set_exception(OSError("the client has gone"))


def _resolve(taken: asyncio.Future[None]) -> None:
    if not taken.done():
        taken.set_result(None)


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
