"""Calling a WSGI application (PEP 3333) from inside Django."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from tenants.mounts.visits import Headers, MountedResponse, Visit

WsgiCallable = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

REQUEST = "tenants.request"
"""The key of Django's own request in the environ, for applications that know of it."""


class WsgiApplication:
    """A WSGI application of one tenant."""

    def __init__(self, application: WsgiCallable) -> None:
        self._application = application

    def answer(self, visit: Visit) -> MountedResponse:
        """Call the application and return its answer, whose body is read when the server asks for it."""
        start = _Start()
        body = _Body(self._application(environ_of(visit), start), start)
        try:
            body.begin()
            status, _, reason = start.status.partition(" ")
            return MountedResponse(int(status), reason, start.headers, body)
        except BaseException:
            body.close()
            raise

    def close(self) -> None:
        """Close the application, if it has anything to close; the standard knows no such thing."""
        close = getattr(self._application, "close", None)
        if close is not None:
            close()


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
            close()


def environ_of(visit: Visit) -> dict[str, Any]:
    """Return the environ of a request."""
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
        "wsgi.input": visit.request,  # the body, no longer than its Content-Length, under both kinds of servers
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _as_wsgi(path: str) -> str:
    """Return a text as WSGI passes bytes: each as the character of that number."""
    return path.encode().decode("latin-1")
