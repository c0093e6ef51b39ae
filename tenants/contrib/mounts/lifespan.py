"""Where a mounted ASGI application lives: on a separate event loop, in a thread of this process.

So it runs the same under WSGI and ASGI servers, with the whole of its lifespan, and what blocks its loop holds up
neither the server nor the applications of others.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from contextvars import Context
from threading import Thread
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections

from tenants.context import TenantInfo, use_tenant
from tenants.contrib.mounts.exit_guard import ApplicationExited, kept_inside
from tenants.contrib.observability.request_context import current_call, in_call

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

LIFESPAN_SECONDS = 30.0
"""How long an application may take to start, and to end."""
CANCEL_SECONDS = 5.0
"""How long what is cancelled may take to end."""
THREADS = 4
"""For what an application runs in its loop's executor."""


class LoopThread:
    """An event loop and its thread, which goes on when the code on it raises anything."""

    def __init__(self, name: str, tenant: TenantInfo) -> None:
        self._tenant = tenant
        self._pid = os.getpid()
        self._is_ending = False
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        # Not the policy's: a server may have set one whose loops end otherwise than described here.
        self.loop = asyncio.SelectorEventLoop()
        self.loop.set_default_executor(self._executor)
        self.loop.set_exception_handler(self._log)
        self._thread = Thread(target=Context().run, args=(self._run,), name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked for anything: a child made by fork() has no such thread."""
        return self._thread.is_alive() and self._pid == os.getpid()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._is_ending and not self.loop.is_closed():
            try:
                self.loop.run_forever()  # also returns when an application has stopped it
            except BaseException:  # a task that the application has begun called sys.exit()
                with use_tenant(self._tenant):
                    logger.exception("A task of an application mounted for tenant %s left its event loop", self._tenant)
        self._clear()

    def _clear(self) -> None:
        """Cancel what is on the loop yet: thrown away unfinished, it would end in the context of any thread."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        with suppress(BaseException):
            if tasks:
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_SECONDS))
            self.loop.close()

    def _log(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A task may be noticed to be lost by any thread, with any tenant active.
        with use_tenant(self._tenant):
            loop.default_exception_handler(context)

    def end(self) -> None:
        """Stop the loop; what its executor still does is left to it."""
        self._is_ending = True
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._executor.shutdown(wait=False, cancel_futures=True)


class HostedApplication:
    """One ASGI application of one tenant."""

    def __init__(self, application: Any, tenant: TenantInfo) -> None:
        self._application = application
        self._tenant = tenant
        self._thread = LoopThread(f"mount-{tenant.schema}", tenant)
        self.loop: asyncio.AbstractEventLoop = self._thread.loop
        self._state: dict[str, Any] = {}
        self._end = asyncio.Event()
        self._life: Future[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        """Of calls under way: a loop keeps none of them alive by itself."""

    @property
    def is_alive(self) -> bool:
        """Whether it can answer."""
        return self._thread.is_alive

    def start(self) -> None:
        """Let the application begin its lifespan; raise what it fails with. One that knows no lifespan has none."""
        started: Future[None] = Future()
        self._life = self._run(self._live(started))
        try:
            started.result(LIFESPAN_SECONDS)
        except BaseException:
            self._life.cancel()
            self._thread.end()
            raise

    def close(self) -> None:
        """Let the application end its lifespan, wait for that, and end its event loop with all that is on it."""
        if not self.is_alive:
            return
        try:
            self.loop.call_soon_threadsafe(self._end.set)
            if self._life is not None:
                self._life.result(LIFESPAN_SECONDS)
        finally:
            self._thread.end()

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
        # What it asks of other services, it asks for its visitor.
        call = current_call()
        return self._run(self._as_tenant(scope, receive, send, nullcontext() if call is None else in_call(call)))

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        # In an empty context: asgiref would find the request's own thread in this one, which waits for the answer.
        try:
            return Context().run(asyncio.run_coroutine_threadsafe, work, self.loop)
        except RuntimeError:
            work.close()  # the loop has ended
            raise

    async def _as_tenant(self, scope: Scope, receive: Receive, send: Send, as_call: Any) -> None:
        scope["state"] = self._state.copy()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for mypy: this is a coroutine
        self._tasks.add(task)
        try:
            with use_tenant(self._tenant), as_call:
                # A thread for the synchronous code of this request, as Django's own ASGI handler has it: its database
                # connection is given back when the request is over.
                async with ThreadSensitiveContext():
                    try:
                        with kept_inside():
                            await self._application(scope, receive, send)
                    finally:
                        await sync_to_async(close_old_connections)()
        finally:
            self._tasks.discard(task)

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
            with use_tenant(self._tenant), kept_inside():
                await self._application(scope, receive, send)
        except ApplicationExited as exited:
            if started.done():
                raise
            started.set_exception(exited)
        except Exception:
            # The standard: whoever raises at the scope knows no lifespan, and is served without one.
            if started.done():
                raise
        finally:
            if not started.done():
                started.set_result(None)


async def _call(function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    return await function(*args)
