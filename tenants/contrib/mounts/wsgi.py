"""Calling a WSGI application (PEP 3333) from inside Django."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from itertools import chain
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, NamedTuple

from asgiref.sync import SyncToAsync
from django.db import connections
from django.http import HttpRequest

from tenants.contrib.mounts.call_limits import Patience
from tenants.contrib.mounts.exit_guard import as_error, kept_inside
from tenants.contrib.mounts.request import Headers, MountedResponse, Visit

WsgiCallable = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

REQUEST = "tenants.request"
"""The key of Django's own request in the environ, for applications that know of it."""


class WsgiApplication:
    """A WSGI application of one tenant."""

    is_alive = True

    def __init__(self, application: WsgiCallable) -> None:
        self._application = application
        self._is_of_project = getattr(application, "is_of_project", False)

    def answer(self, visit: Visit) -> MountedResponse:
        """Call the application and return its answer, whose body is read when the server asks for it.

        It runs on a separate thread, since nothing stops a thread: the one that answers the request waits no longer
        than its time limit. In a transaction of this thread's, as tests have it, it is called here and sees that.
        """
        if is_in_transaction():
            return self._answer_here(visit)
        give_connections_back()
        run = _Run(self._application, visit)
        visit.leaving.then(run.abandon)
        try:
            status, headers = run.begin()
            return self._response(status, headers, run)
        except BaseException:
            run.close()
            raise

    def _answer_here(self, visit: Visit) -> MountedResponse:
        start = _Start()
        try:
            body = _Body(self._application(environ_of(visit, visit.request), start), start)
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
        """Close the application, if it has anything to close; the standard knows no such thing."""
        close = getattr(self._application, "close", None)
        if close is not None:
            close()


class _Begun(NamedTuple):
    """The application has called `start_response`."""

    status: str
    headers: Headers


class _Ended(NamedTuple):
    """Nothing more comes; `raised` says why, if the application did not end by itself."""

    raised: BaseException | None = None


class _Run:
    """One call on a separate thread, and what comes of it, one piece after the other."""

    def __init__(self, application: WsgiCallable, visit: Visit) -> None:
        self._application = application
        self._visit = visit
        self._patience = visit.patience
        self._pieces: SimpleQueue[_Begun | bytes | _Ended] = SimpleQueue()
        self._room = Semaphore(1)
        """Lets the application make one piece more than was taken."""
        self._is_gone = False
        self._release = visit.use.hold()

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
            self._pieces.put(_Ended(raised))

    def _answer(self) -> None:
        start = _Start()
        environ = environ_of(self._visit, _Input(self._visit.request, self._patience))
        body = _Body(self._application(environ, start), start)
        try:
            body.begin()
            self._put(_Begun(start.status, start.headers))
            for piece in body:
                self._put(piece)
        finally:
            body.close()

    def _put(self, piece: _Begun | bytes) -> None:
        self._room.acquire()
        if self._is_gone:
            raise BrokenPipeError("the client has gone")
        self._pieces.put(piece)

    # --- On the request's thread

    def begin(self) -> _Begun:
        context = copy_context()
        # asgiref would find the request's own thread in it, which waits for the answer.
        context.run(SyncToAsync.thread_sensitive_context.set, None)  # type: ignore[arg-type]
        Thread(target=context.run, args=(self._work,), name="mount", daemon=True).start()
        begun = self._next()
        if not isinstance(begun, _Begun):
            raise AssertionError("the application never called start_response()")
        return begun

    def _next(self) -> _Begun | bytes | None:
        self._patience.begin()
        piece = self._patience.next_of(self._pieces)
        if isinstance(piece, _Ended):
            if piece.raised is not None:
                raise as_error(piece.raised)
            return None
        self._room.release()
        return piece

    def __iter__(self) -> Iterator[bytes]:
        while isinstance(piece := self._next(), bytes):
            yield piece

    def abandon(self) -> None:
        """Let the thread go that waits for the application. From any thread."""
        self._pieces.put(_Ended(OSError("the client has gone")))
        self.close()

    def close(self) -> None:
        """Have the application closed when it sends its next piece: the client has gone."""
        self._is_gone = True
        self._room.release()


class _Input:
    """The body of a request, which tells when it is the client that is waited for."""

    def __init__(self, request: HttpRequest, patience: Patience) -> None:
        self._request = request
        self._patience = patience

    def read(self, size: int = -1) -> bytes:
        with self._reading():
            return bytes(self._request.read() if size is None or size < 0 else self._request.read(size))

    def readline(self, size: int = -1) -> bytes:
        with self._reading():
            return bytes(self._request.readline() if size is None or size < 0 else self._request.readline(size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._patience.waits_for_client = True
        try:
            yield
        finally:
            self._patience.begin()
            self._patience.waits_for_client = False


def is_in_transaction() -> bool:
    """Tell whether this thread is in a transaction: only what it calls itself can see that."""
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))


def give_connections_back() -> None:
    """Give this thread's connections back to their pools: it waits, and the application takes others."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
            connection.close()


class _Start:
    """The `start_response` of one call."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []
        self.written: list[bytes] = []
        self.is_sent = False

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info and self.is_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if self.status and not exc_info:
            raise AssertionError("start_response() was called twice without exc_info")  # in the words of wsgiref
        self.status, self.headers = status, list(headers)
        return self.written.append


class _Body:
    """What an application returned, from its first chunk on; closed as the standard says."""

    def __init__(self, chunks: Iterable[bytes], start: _Start) -> None:
        self._chunks = chunks
        self._iterator = iter(chunks)
        self._start = start
        self._first: list[bytes] = []

    def begin(self) -> None:
        """Iterate until the application has called `start_response`, which it may do as late as that."""
        while not self._start.status:
            chunk = next(self._iterator, None)
            if chunk is None:
                raise AssertionError("the application never called start_response()")
            self._first.append(chunk)
        self._start.is_sent = True

    def __iter__(self) -> Iterator[bytes]:
        with kept_inside():
            # `written` first: it grows while the iterator is asked, and then belongs before the chunk that follows.
            for chunk in chain(self._first, self._iterator):
                yield from self._take_written()
                yield chunk
            yield from self._take_written()

    def _take_written(self) -> Iterator[bytes]:
        while self._start.written:
            yield self._start.written.pop(0)

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            with kept_inside():
                close()


def environ_of(visit: Visit, body: Any) -> dict[str, Any]:
    """Return the environ of a request whose body is read from `body`."""
    environ = {key: value for key, value in visit.request.META.items() if key not in {"REMOTE_USER", "AUTH_TYPE"}}
    if visit.cookies:
        environ["HTTP_COOKIE"] = visit.cookies
    else:
        environ.pop("HTTP_COOKIE", None)
    if visit.remote_user:
        environ["REMOTE_USER"] = visit.remote_user
    return environ | {
        "SCRIPT_NAME": _as_wsgi(visit.script_name),
        "PATH_INFO": _as_wsgi(visit.path_info),
        "SERVER_PROTOCOL": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
        REQUEST: visit.request,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": visit.request.scheme,
        "wsgi.input": body,  # the body, no longer than its Content-Length, under both kinds of servers
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _as_wsgi(path: str) -> str:
    """Return a text as WSGI passes bytes: each as the character of that number."""
    return path.encode().decode("latin-1")
