"""Interface of WSGI (PEP 3333): the environ of a request, `start_response`, and the body of a response."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from tenants.contrib.mounts.exit_guard import exits_as_errors
from tenants.contrib.mounts.request import Headers, MountRequest

REQUEST = "tenants.request"
"""Key of Django's request in the environ."""


class StartResponse:
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
            raise AssertionError("start_response() was called twice without exc_info")  # wsgiref's words
        self.status, self.headers = status, list(headers)
        return self.written.append


class ResponseBody:
    """The iterable that an application returned; closed as PEP 3333 requires."""

    def __init__(self, chunks: Iterable[bytes], start: StartResponse) -> None:
        self._chunks = chunks
        self._iterator = iter(chunks)
        self._start = start
        self._first: list[bytes] = []

    def begin(self) -> None:
        """Iterate until the application has called `start_response`."""
        while not self._start.status:
            chunk = next(self._iterator, None)
            if chunk is None:
                raise AssertionError("the application never called start_response()")
            self._first.append(chunk)
        self._start.is_sent = True

    def __iter__(self) -> Iterator[bytes]:
        with exits_as_errors():
            # What was passed to write() during an iteration precedes the chunk of that iteration.
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
            with exits_as_errors():
                close()


def environ_of(request: MountRequest, body: Any) -> dict[str, Any]:
    """Return the environ of a request whose body is read from `body`."""
    environ = {key: value for key, value in request.request.META.items() if key not in {"REMOTE_USER", "AUTH_TYPE"}}
    if request.cookies:
        environ["HTTP_COOKIE"] = request.cookies
    else:
        environ.pop("HTTP_COOKIE", None)
    if request.remote_user:
        environ["REMOTE_USER"] = request.remote_user
    return environ | {
        "SCRIPT_NAME": _as_wsgi(request.script_name),
        "PATH_INFO": _as_wsgi(request.path_info),
        "SERVER_PROTOCOL": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
        REQUEST: request.request,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.request.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _as_wsgi(path: str) -> str:
    """Return a path as WSGI passes it: UTF-8 bytes decoded as Latin-1."""
    return path.encode().decode("latin-1")
