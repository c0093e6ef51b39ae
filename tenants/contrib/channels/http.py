"""Server's side of an HTTP consumer, which can be ended while it streams or waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

_UNAVAILABLE = {"type": "http.response.start", "status": 503, "headers": []}
_LAST = {"type": "http.response.body", "body": b"", "more_body": False}


class HttpChannel:
    """The server's `receive` and `send`; once closed, the application sees that the client has disconnected."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._is_closed = asyncio.Event()
        self._is_started = self._is_complete = False

    async def receive(self) -> Any:
        received, closed = asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._is_closed.wait())
        try:
            await asyncio.wait({received, closed}, return_when=asyncio.FIRST_COMPLETED)
            return received.result() if received.done() else {"type": "http.disconnect"}
        finally:
            received.cancel()
            closed.cancel()

    async def send(self, message: Any) -> None:
        if self._is_closed.is_set():
            raise OSError("the connection is closed")
        if message["type"] == "http.response.start":
            self._is_started = True
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self._is_complete = True
        await self._send(message)

    async def close(self) -> None:
        """End the response, with 503 if none has begun."""
        self._is_closed.set()
        if self._is_complete:
            return
        with suppress(Exception):  # servers raise if the client has disconnected
            if not self._is_started:
                await self._send(_UNAVAILABLE)
            await self._send(_LAST)
