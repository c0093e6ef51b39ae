"""Where mounted ASGI applications live: on one event loop of their own, in a thread of this process.

So they run the same under WSGI and ASGI servers, with the whole of their lifespan, and none of them can hold up the
server's own loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context
from threading import Lock, Thread
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections

from tenants.context import TenantInfo, use_tenant

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

LIFESPAN_SECONDS = 30.0
"""How long an application may take to start, and to end."""


class _Loop:
    """The event loop, begun when the first application needs it; a child made by fork() begins its own."""

    def __init__(self) -> None:
        # Guards the start: the first requests of a process come on many threads at once.
        self._lock = Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                Thread(target=self._loop.run_forever, name="tenants-mounts", daemon=True).start()
            return self._loop


_loop = _Loop()


class HostedApplication:
    """One ASGI application of one tenant."""

    def __init__(self, application: Any, tenant: TenantInfo) -> None:
        self._application = application
        self._tenant = tenant
        self.loop = _loop.get()
        self._state: dict[str, Any] = {}
        self._end = asyncio.Event()
        self._life: Future[None] | None = None

    def start(self) -> None:
        """Let the application begin its lifespan; raise what it fails with. One that knows no lifespan has none."""
        started: Future[None] = Future()
        self._life = self._run(self._live(started))
        started.result(LIFESPAN_SECONDS)

    def close(self) -> None:
        """Let the application end its lifespan, and wait for it."""
        self.loop.call_soon_threadsafe(self._end.set)
        if self._life is not None:
            self._life.result(LIFESPAN_SECONDS)

    async def answer_from(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of another event loop, a WebSocket for example, and return when it has ended."""
        outer = asyncio.get_running_loop()

        async def receive_there() -> Any:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_call(receive), outer))

        async def send_there(message: Any) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_call(send, message), outer))

        await asyncio.wrap_future(self.call(scope, receive_there, send_there))

    def call(self, scope: Scope, receive: Receive, send: Send) -> Future[None]:
        """Begin to serve one connection, from any thread; `receive` and `send` are called on the application's loop."""
        return self._run(self._as_tenant(scope, receive, send))

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        # In an empty context: asgiref would find the request's own thread in this one, which waits for the answer.
        return Context().run(asyncio.run_coroutine_threadsafe, work, self.loop)

    async def _as_tenant(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = self._state.copy()
        with use_tenant(self._tenant):
            # A thread for the synchronous code of this request, as Django's own ASGI handler has it: its database
            # connection is given back when the request is over.
            async with ThreadSensitiveContext():
                try:
                    await self._application(scope, receive, send)
                finally:
                    await sync_to_async(close_old_connections)()

    async def _live(self, started: Future[None]) -> None:
        has_begun = False

        async def receive() -> dict[str, str]:
            nonlocal has_begun
            if has_begun:
                await self._end.wait()
                return {"type": "lifespan.shutdown"}
            has_begun = True
            return {"type": "lifespan.startup"}

        async def send(message: dict[str, str]) -> None:
            if message["type"] == "lifespan.startup.complete":
                started.set_result(None)
            elif message["type"] == "lifespan.startup.failed":
                started.set_exception(RuntimeError(message.get("message") or "its start-up failed"))

        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            with use_tenant(self._tenant):
                await self._application(scope, receive, send)
        except Exception:
            # The standard: whoever raises at the scope knows no lifespan, and is served without one.
            if started.done():
                raise
        finally:
            if not started.done():
                started.set_result(None)


async def _call(function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    return await function(*args)
