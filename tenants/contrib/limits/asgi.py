"""ASGI application: Django's own, with limits on bodies, and with every response closed, also after errors."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import django
from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers import asgi
from django.db import close_old_connections
from django.http.response import HttpResponseBase

from tenants.contrib.limits.limiter import Rejection
from tenants.contrib.limits.request_bodies import (
    KEPT_IN_MEMORY,
    LARGEST,
    REJECTION,
    TOO_LARGE,
    TOO_SLOW,
    Sender,
    deadline_after,
    slot_for,
)
from tenants.http.charsets import ReadsCharset
from tenants.http.client_ip import address_in

_scope: ContextVar[dict[str, Any]] = ContextVar("scope")
"""ASGI scope of the current request."""
_META = "tenants.meta"
"""Key of the ASGI scope for values that are added to `request.META`."""
_BODIES_WITHOUT_THREAD = 8
"""Factor on `TENANTS["MAX_REQUEST_BODIES"]`: under ASGI a slow body holds no thread."""

_answer: ContextVar[list[HttpResponseBase]] = ContextVar("answer")
"""Holds the response of the current request, for all tasks that Django makes for it."""


class ASGIRequest(ReadsCharset, asgi.ASGIRequest):
    """A request as ASGI has it."""


class ASGIHandler(asgi.ASGIHandler):
    """Closes the response of every request, and so gives its connection back.

    Django closes no response that could not be sent because its stream failed or the client disconnected.
    """

    request_class = ASGIRequest

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        scope = {**scope, _META: {}}
        _scope.set(scope)
        answer: list[HttpResponseBase] = []
        _answer.set(answer)
        try:
            await super().handle(scope, receive, send)
        except BaseException:
            await sync_to_async(answer[0].close if answer else close_old_connections)()
            raise

    async def read_body(self, receive: Any) -> IO[bytes]:
        """Return the complete body, or an empty one if it is refused: the request then has the reason."""
        scope, body = _scope.get(), _Body(receive)
        try:
            rejection = TOO_LARGE if _length_of(scope) > LARGEST else await body.receive_piece()
            if rejection is None and not body.is_complete:
                rejection = await _receive_within_bounds(scope, body)
        except BaseException:
            body.file.close()
            raise
        if rejection is None:
            body.file.seek(0)
            return body.file  # closed by Django
        body.file.close()
        scope[_META][REJECTION] = rejection
        return BytesIO()

    def create_request(self, scope: Any, body_file: Any) -> Any:
        """Return the request, with the reason if its body was refused."""
        request, error = super().create_request(scope, body_file)
        if request is not None:
            request.META.update(scope[_META])
        return request, error

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait until the client disconnects, and drop the rest of a refused body."""
        while (await receive())["type"] != "http.disconnect":
            pass
        raise RequestAborted

    async def run_get_response(self, request: Any) -> Any:
        response = await super().run_get_response(request)
        _answer.get().append(response)
        return response


def _length_of(scope: dict[str, Any]) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


class _Body:
    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._begun = asyncio.get_running_loop().time()
        self._received = 0
        self.file: IO[bytes] = SpooledTemporaryFile(max_size=KEPT_IN_MEMORY)  # noqa: SIM115 - Django closes it
        self.is_complete = False

    async def receive_piece(self) -> Rejection | None:
        """Receive the next chunk; return the reason if the body is refused for its time or size."""
        try:
            async with asyncio.timeout_at(self._begun + deadline_after(self._received)):
                message = await self._receive()
        except TimeoutError:
            return TOO_SLOW
        if message["type"] == "http.disconnect":
            raise RequestAborted
        piece = message.get("body", b"")
        self._received += len(piece)
        if self._received > LARGEST:
            return TOO_LARGE
        self.file.write(piece)
        self.is_complete = not message.get("more_body", False)
        return None


async def _receive_within_bounds(scope: dict[str, Any], body: _Body) -> Rejection | None:
    """Receive the rest of a body; return the reason if it is refused."""
    meta = ASGIRequest(scope, BytesIO()).META
    sender = Sender(address_in(meta), meta.get("HTTP_HOST", ""), scope["path"])
    slots = slot_for(sender, times=_BODIES_WITHOUT_THREAD)
    if isinstance(slots, Rejection):
        return slots
    with slots:
        while not body.is_complete:
            if rejection := await body.receive_piece():
                return rejection
    return None


def get_asgi_application() -> ASGIHandler:
    """Return the application for an ASGI server, as `django.core.asgi.get_asgi_application` does."""
    django.setup(set_prefix=False)
    return ASGIHandler()
