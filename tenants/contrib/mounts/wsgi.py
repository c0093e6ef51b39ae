"""Calls of mounted WSGI applications (PEP 3333) from the thread of a Django request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, NamedTuple

from asgiref.sync import SyncToAsync
from django.db import connections
from django.http import HttpRequest

from tenants.contrib.mounts.call_limits import ResponseTimeout
from tenants.contrib.mounts.exit_guard import as_error
from tenants.contrib.mounts.request import Headers, MountedResponse, MountRequest
from tenants.contrib.mounts.wsgi_interface import ResponseBody, StartResponse, environ_of

WsgiCallable = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiApplication:
    """A WSGI application of one tenant."""

    is_alive = True

    def __init__(self, application: WsgiCallable) -> None:
        self._application = application
        self._is_of_project = getattr(application, "is_of_project", False)

    def answer(self, request: MountRequest) -> MountedResponse:
        """Call the application and return its response, whose body is read when the server asks for it.

        It runs on a separate thread, because a thread cannot be stopped: the request's thread stops waiting at the
        timeout. In a transaction, as in tests, it runs on this thread and sees that transaction.
        """
        if is_in_transaction():
            return self._answer_here(request)
        release_connections()
        run = _Run(self._application, request)
        request.disconnect.on_set(run.abandon)
        try:
            status, headers = run.begin()
            return self._response(status, headers, run)
        except BaseException:
            run.close()
            raise

    def _answer_here(self, request: MountRequest) -> MountedResponse:
        start = StartResponse()
        try:
            body = ResponseBody(self._application(environ_of(request, request.request), start), start)
            try:
                body.begin()
                return self._response(start.status, start.headers, body)
            except BaseException:
                body.close()
                raise
        except BaseException as raised:
            raise as_error(raised) from raised.__cause__

    def _response(self, status: str, headers: Headers, body: Iterable[bytes]) -> MountedResponse:
        code, _, reason = status.partition(" ")
        return MountedResponse(int(code), reason, headers, body, is_of_project=self._is_of_project)

    def close(self) -> None:
        """Call the application's `close`, if it has one; PEP 3333 defines none."""
        close = getattr(self._application, "close", None)
        if close is not None:
            close()


class _Started(NamedTuple):
    """The application has called `start_response`."""

    status: str
    headers: Headers


class _Ended(NamedTuple):
    """The application has ended, with an exception or without."""

    raised: BaseException | None = None


class _Run:
    """One call on a separate thread, and the queue of its response."""

    def __init__(self, application: WsgiCallable, request: MountRequest) -> None:
        self._application = application
        self._request = request
        self._timeout = request.timeout
        self._messages: SimpleQueue[_Started | bytes | _Ended] = SimpleQueue()
        self._room = Semaphore(1)
        """Backpressure: the application is one chunk ahead of the reader."""
        self._is_disconnected = False
        self._release = request.use.hold()

    # --- On the separate thread

    def _work(self) -> None:
        raised: BaseException | None = None
        try:
            self._answer()
        except BaseException as error:
            raised = error
        finally:
            connections.close_all()
            self._release()
            self._messages.put(_Ended(raised))

    def _answer(self) -> None:
        start = StartResponse()
        environ = environ_of(self._request, _Input(self._request.request, self._timeout))
        body = ResponseBody(self._application(environ, start), start)
        try:
            body.begin()
            self._put(_Started(start.status, start.headers))
            for chunk in body:
                self._put(chunk)
        finally:
            body.close()

    def _put(self, message: _Started | bytes) -> None:
        self._room.acquire()
        if self._is_disconnected:
            raise BrokenPipeError("the client has disconnected")
        self._messages.put(message)

    # --- On the request's thread

    def begin(self) -> _Started:
        context = copy_context()
        # asgiref would find the request's thread in it, which waits for the response.
        context.run(SyncToAsync.thread_sensitive_context.set, None)  # type: ignore[arg-type]
        Thread(target=context.run, args=(self._work,), name="mount", daemon=True).start()
        started = self._next()
        if not isinstance(started, _Started):
            raise AssertionError("the application never called start_response()")
        return started

    def _next(self) -> _Started | bytes | None:
        self._timeout.restart()
        message = self._timeout.next_message(self._messages)
        if isinstance(message, _Ended):
            if message.raised is not None:
                raise as_error(message.raised)
            return None
        self._room.release()
        return message

    def __iter__(self) -> Iterator[bytes]:
        while isinstance(chunk := self._next(), bytes):
            yield chunk

    def abandon(self) -> None:
        """Wake the thread that waits for the application, and close the run. Callable from any thread."""
        self._messages.put(_Ended(OSError("the client has disconnected")))
        self.close()

    def close(self) -> None:
        """End the application when it sends its next chunk."""
        self._is_disconnected = True
        self._room.release()


class _Input:
    """The body of a request. Pauses the timeout while it waits for the client."""

    def __init__(self, request: HttpRequest, timeout: ResponseTimeout) -> None:
        self._request = request
        self._timeout = timeout

    def read(self, size: int = -1) -> bytes:
        with self._waiting():
            return bytes(self._request.read() if size is None or size < 0 else self._request.read(size))

    def readline(self, size: int = -1) -> bytes:
        with self._waiting():
            return bytes(self._request.readline() if size is None or size < 0 else self._request.readline(size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self._timeout.waits_for_client = True
        try:
            yield
        finally:
            self._timeout.restart()
            self._timeout.waits_for_client = False


def is_in_transaction() -> bool:
    """Tell whether this thread is in a transaction, which no other thread can see."""
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))


def release_connections() -> None:
    """Return this thread's connections to their pools: it waits, while the application uses others."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
            connection.close()
