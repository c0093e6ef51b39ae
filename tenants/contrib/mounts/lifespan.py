"""Lifespan of a mounted ASGI application, on an event loop in a thread of this process.

It thus runs the same way under WSGI and ASGI servers, and if it blocks its loop, it delays no other application.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from contextvars import Context
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections

from tenants.context import TenantInfo, use_tenant
from tenants.contrib.mounts.exit_guard import ApplicationExited, exits_as_errors
from tenants.contrib.observability.request_context import current_request_context, use_request_context
from tenants.threads import EventLoopThread

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

LIFESPAN_SECONDS = 30.0
"""How long an application may take to start, and to shut down."""
CANCEL_SECONDS = 5.0
"""How long cancelled tasks may take to end."""
EXECUTOR_THREADS = 4
"""Threads of the loop's default executor."""


class _ApplicationThread(EventLoopThread):
    """An event loop that goes on after any exception of the code on it."""

    def __init__(self, name: str, tenant: TenantInfo) -> None:
        self._tenant = tenant
        self._is_ending = False
        self._executor = ThreadPoolExecutor(EXECUTOR_THREADS, thread_name_prefix=name)
        # Not the policy's loop, since `run` relies on how this one stops.
        loop = asyncio.SelectorEventLoop()
        loop.set_default_executor(self._executor)
        loop.set_exception_handler(self._log)
        super().__init__(name, loop)

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._is_ending and not self.loop.is_closed():
            try:
                self.loop.run_forever()  # also returns when the application has stopped it
            except BaseException:  # a task called sys.exit()
                with use_tenant(self._tenant):
                    logger.exception("A task of a mounted application of tenant %s exited", self._tenant)
        self._cancel_tasks()

    def _cancel_tasks(self) -> None:
        """Cancel remaining tasks: the garbage collector would end them in the context of any thread."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        with suppress(BaseException):
            if tasks:
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_SECONDS))
            self.loop.close()

    def _log(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The garbage collector may report a lost task on any thread.
        with use_tenant(self._tenant):
            loop.default_exception_handler(context)

    def end(self) -> None:
        """Stop the loop; running functions of its executor are not waited for."""
        self._is_ending = True
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._executor.shutdown(wait=False, cancel_futures=True)


class LifespanApplication:
    """One ASGI application of one tenant."""

    def __init__(self, application: Any, tenant: TenantInfo) -> None:
        self._application = application
        self._tenant = tenant
        self._thread = _ApplicationThread(f"mount-{tenant.schema}", tenant)
        self.loop: asyncio.AbstractEventLoop = self._thread.loop
        self._state: dict[str, Any] = {}
        self._shutdown = asyncio.Event()
        self._lifespan: Future[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        """Tasks of running calls, to which the loop itself keeps only weak references."""

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive

    def start(self) -> None:
        """Wait for the start of the lifespan; raise its error. An application without lifespan support has none."""
        started: Future[None] = Future()
        self._lifespan = self._run(self._live(started))
        try:
            started.result(LIFESPAN_SECONDS)
        except BaseException:
            self._lifespan.cancel()
            self._thread.end()
            raise

    def close(self) -> None:
        """Wait for the end of the lifespan, then end the event loop with all its tasks."""
        if not self.is_alive:
            return
        try:
            self.loop.call_soon_threadsafe(self._shutdown.set)
            if self._lifespan is not None:
                self._lifespan.result(LIFESPAN_SECONDS)
        finally:
            self._thread.end()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of another event loop, such as a WebSocket, until it ends."""
        outer = asyncio.get_running_loop()

        async def receive_there() -> Any:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_call(receive), outer))

        async def send_there(message: Any) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_call(send, message), outer))

        await asyncio.wrap_future(self.call(scope, receive_there, send_there))

    def call(self, scope: Scope, receive: Receive, send: Send) -> Future[None]:
        """Start to serve one connection; `receive` and `send` run on the application's loop."""
        # Calls of other services are made on behalf of the visitor.
        context = current_request_context()
        entered = nullcontext() if context is None else use_request_context(context)
        return self._run(self._serve_as_tenant(scope, receive, send, entered))

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        # With an empty context: in the caller's, asgiref would find the request's thread, which waits for the response.
        try:
            return Context().run(self._thread.submit, work)
        except RuntimeError:
            work.close()  # the loop is closed
            raise

    async def _serve_as_tenant(self, scope: Scope, receive: Receive, send: Send, entered: Any) -> None:
        scope["state"] = self._state.copy()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for mypy: this is a coroutine
        self._tasks.add(task)
        try:
            with use_tenant(self._tenant), entered:
                # A thread for the synchronous code of this request, as in Django's ASGI handler. Its database
                # connection is released at the end of the request.
                async with ThreadSensitiveContext():
                    try:
                        with exits_as_errors():
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
                await self._shutdown.wait()
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
            with use_tenant(self._tenant), exits_as_errors():
                await self._application(scope, receive, send)
        except ApplicationExited as error:
            if started.done():
                raise
            started.set_exception(error)
        except Exception:
            # ASGI: an exception before the start means that the application does not support lifespans.
            if started.done():
                raise
        finally:
            if not started.done():
                started.set_result(None)


async def _call(function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    return await function(*args)
