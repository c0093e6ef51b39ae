"""The ASGI application: Django's own, which closes every response, also when something went wrong."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers import asgi
from django.db import close_old_connections
from django.http.response import HttpResponseBase

_answer: ContextVar[list[HttpResponseBase]] = ContextVar("answer")
"""Holds the response of the request at hand as soon as there is one, for all tasks that Django makes for it."""


class ASGIHandler(asgi.ASGIHandler):
    """Closes the response of every request, and so gives its connection back.

    Django's own closes none that could not be sent: because its stream failed, or the client was gone.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or a WebSocket of a mounted application; Django itself has none."""
        if scope["type"] == "websocket":
            # Imports models, which are there after django.setup() only; this module is imported before it.
            from tenants.mounts.websockets import serve_websocket

            await serve_websocket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        answer: list[HttpResponseBase] = []
        _answer.set(answer)
        try:
            await super().handle(scope, receive, send)
        except BaseException:
            await sync_to_async(answer[0].close if answer else close_old_connections)()
            raise

    async def run_get_response(self, request: Any) -> Any:
        """Return the response, and remember it."""
        response = await super().run_get_response(request)
        _answer.get().append(response)
        return response


def get_asgi_application() -> ASGIHandler:
    """Return the application for an ASGI server; to be used in the place of `django.core.asgi`'s."""
    django.setup(set_prefix=False)
    return ASGIHandler()
