"""ASGI wrapper that leads WebSockets to mounted applications."""

from __future__ import annotations

from typing import Any


class WebSocketMounts:
    """Serves WebSockets by the mounts of their tenant, and everything else by the wrapped ASGI application."""

    def __init__(self, application: Any) -> None:
        # Imports models. The project's application, which is made first, has called django.setup().
        from tenants.contrib.mounts.websockets import serve_websocket

        self._application = application
        self._serve_websocket = serve_websocket

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request or one WebSocket."""
        serve = self._serve_websocket if scope["type"] == "websocket" else self._application
        await serve(scope, receive, send)
