"""The WSGI application: Django's own, with bodies received before a request is begun.

A WSGI server sets no deadline for reading a body. So a separate thread reads, and the server's thread answers at the
deadline. The reading thread ends with the client's connection.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from io import BytesIO
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from threading import Event, Lock, Thread
from typing import IO, Any

import django
from django.core.handlers import wsgi
from django.http.response import HttpResponseBase

from tenants.contrib.limits.limiter import ProcessLimit, Rejection
from tenants.contrib.limits.repeated_answers import RepeatedAnswers
from tenants.contrib.limits.request_bodies import (
    KEPT_IN_MEMORY,
    LARGEST,
    MAX_ABANDONED,
    REJECTION,
    TOO_LARGE,
    TOO_SLOW,
    Sender,
    deadline_after,
    slot_for,
)
from tenants.http.charsets import ReadsCharset
from tenants.http.client_ip import address_in

logger = logging.getLogger(__name__)

_PIECE = 64 * 1024


class _Abandoned:
    """Threads that still read although the client has its answer, by address."""

    def __init__(self) -> None:
        self._lock = Lock()  # guards the counts: readers end on threads of their own
        self._counts: Counter[str | None] = Counter()

    def is_full(self, address: str | None) -> bool:
        return self._counts[address] >= MAX_ABANDONED

    def add(self, address: str | None, number: int) -> None:
        with self._lock:
            self._counts[address] += number
            if not self._counts[address]:
                del self._counts[address]


_abandoned = _Abandoned()


class _Reader:
    """Reads one body on a separate thread."""

    def __init__(self, source: Any, length: int | None, address: str | None) -> None:
        self._source, self._length, self._address = source, length, address
        self.received = 0
        self.file: IO[bytes] = BytesIO() if length is not None and length <= _PIECE else _spooled()
        self.done = Event()
        self.rejection: Rejection | None = None
        self._lock = Lock()  # guards `_is_abandoned` and `done`: one of both threads comes first
        self._is_abandoned = False

    def run(self) -> None:
        try:
            self._read()
        except Exception as error:  # servers raise different errors where the client is gone
            logger.info("A request body broke off: %s", error)
        finally:
            with self._lock:
                self.done.set()
            if self._is_abandoned:
                self.file.close()
                _abandoned.add(self._address, -1)

    def _read(self) -> None:
        left = LARGEST + 1 if self._length is None else self._length
        while left > 0 and not self._is_abandoned:
            piece = self._source.read(min(_PIECE, left))
            if not piece:
                break
            self.received += len(piece)
            left -= len(piece)
            self.file.write(piece)
        if self.received > LARGEST:
            self.rejection = TOO_LARGE

    def wait(self) -> Rejection | None:
        """Wait until the body is there or late; return why it is refused."""
        started = time.monotonic()
        while not self.done.is_set():
            left = started + deadline_after(self.received) - time.monotonic()
            if left <= 0 and self._abandon():
                return TOO_SLOW
            self.done.wait(max(left, 0.01))
        return self.rejection

    def _abandon(self) -> bool:
        with self._lock:
            if self.done.is_set():
                return False
            self._is_abandoned = True
        _abandoned.add(self._address, 1)
        return True


class _Threads:
    """Threads that read one body after the other. They end with the process."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[_Reader]] = []

    def run(self, reader: _Reader) -> None:
        try:
            work = self._idle.pop()
        except IndexError:
            work = SimpleQueue()
            Thread(target=self._serve, args=(work,), name="tenants-body", daemon=True).start()
        work.put(reader)

    def _serve(self, work: SimpleQueue[_Reader]) -> None:
        while True:
            work.get().run()
            self._idle.append(work)


_threads = _Threads()


def _spooled() -> IO[bytes]:
    return SpooledTemporaryFile(max_size=KEPT_IN_MEMORY)  # closed with the request


def receive_body(environ: dict[str, Any]) -> IO[bytes] | None:
    """Put the whole body in the place of `wsgi.input`, or say in the environ why it was not received."""
    length = _length_of(environ)
    if length == 0:
        return None
    address = address_in(environ)
    rejection: Rejection | None = None
    if length is not None and length > LARGEST:
        rejection = TOO_LARGE
    elif _abandoned.is_full(address):
        rejection = Rejection(ProcessLimit.BODIES, 2)
    else:
        sender = Sender(address, environ.get("HTTP_HOST", ""), environ.get("PATH_INFO", ""))
        slot = slot_for(sender)
        if not isinstance(slot, Rejection):
            with slot:
                reader = _Reader(environ["wsgi.input"], length, address)
                _threads.run(reader)
                rejection = reader.wait()
            if rejection is None:
                reader.file.seek(0)
                environ["wsgi.input"] = reader.file
                if length is None:
                    environ["CONTENT_LENGTH"] = str(reader.received)
                return reader.file
        else:
            rejection = slot
    environ[REJECTION] = rejection
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(), "0"
    return None


def _length_of(environ: dict[str, Any]) -> int | None:
    """Return the length in the request's headers; None: the body is chunked."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > 0:
        return length
    is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    ends_by_itself = environ.get("wsgi.input_terminated") or environ.get("SERVER_SOFTWARE") == "Granian"
    return None if is_chunked and ends_by_itself else 0


class WSGIRequest(ReadsCharset, wsgi.WSGIRequest):
    """A request as WSGI has it."""


class WSGIHandler(wsgi.WSGIHandler):
    """Receives the body, then does what Django does."""

    request_class = WSGIRequest

    def __init__(self) -> None:
        super().__init__()
        self._repeated = RepeatedAnswers()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer one request."""
        body = receive_body(environ)
        is_refused = REJECTION in environ
        if is_refused and (answer := self._repeated.answer_to(environ)):
            start_response(answer.status, answer.headers)
            return [answer.content]
        try:
            response = super().__call__(environ, start_response)
        except BaseException:
            if body is not None:
                body.close()
            raise
        if is_refused and isinstance(response, HttpResponseBase):
            self._repeated.note(environ, response)
        if body is not None and isinstance(response, HttpResponseBase):
            response._resource_closers.append(body.close)  # type: ignore[attr-defined]  # missing in django-stubs
        return response


def get_wsgi_application() -> WSGIHandler:
    """Return the application for a WSGI server, as `django.core.wsgi.get_wsgi_application` does."""
    django.setup(set_prefix=False)
    return WSGIHandler()
