"""Applications without code for Sangga, and factories that count what they build."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.http import Http404
from flask import Flask, request, session

from tenants import TenantInfo

built: Counter[str] = Counter()
closed: Counter[str] = Counter()
gone: Counter[str] = Counter()
_counting = Lock()


def count(counter: Counter[str], slug: str) -> None:
    with _counting:
        counter[slug] += 1


def owner_here() -> str:
    """The tenant whose users this code sees now."""
    return User.objects.get().username


def flask_app(tenant: TenantInfo, *, greeting: str = "hello") -> Flask:
    count(built, tenant.slug)
    app = Flask(__name__)
    app.secret_key = tenant.slug

    @app.get("/where")
    def where() -> dict[str, Any]:
        environ = request.environ
        return {
            "script_name": environ["SCRIPT_NAME"],
            "path_info": environ["PATH_INFO"],
            "url": request.url,
            "user": environ.get("REMOTE_USER"),
            "owner": owner_here(),
            "greeting": greeting,
            "query": request.args.to_dict(),
            "cookies": sorted(request.cookies),
        }

    @app.post("/size")
    def size() -> str:
        return str(len(request.get_data()))

    @app.get("/visits")
    def visits() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    @app.get("/")
    def front() -> str:
        return "front"

    return app


class Closing:
    """A plain WSGI application that reports when it is closed."""

    def __init__(self, tenant: TenantInfo) -> None:
        self.slug = tenant.slug

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Link", "<a>"), ("Link", "<b>")])
        return [self.slug.encode()]

    def close(self) -> None:
        count(closed, self.slug)


def closing_app(tenant: TenantInfo) -> Closing:
    count(built, tenant.slug)
    return Closing(tenant)


def streaming_app(tenant: TenantInfo) -> Callable[..., Iterator[bytes]]:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        # A generator: start_response is called no earlier than with the first chunk.
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written|")
        for _ in range(3):
            yield f"{owner_here()}|".encode()

    return application


def silent_app(tenant: TenantInfo) -> Callable[..., Iterable[bytes]]:
    return lambda environ, start_response: []


def failing_app(tenant: TenantInfo) -> Callable[..., Iterable[bytes]]:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise ValueError("a stranger's mistake")

    return application


def broken_factory(tenant: TenantInfo) -> None:
    count(built, tenant.slug)
    raise RuntimeError("no such thing as a back office")


def no_application(tenant: TenantInfo) -> None:
    return None


def not_found(tenant: TenantInfo) -> None:
    raise Http404


def not_callable(tenant: TenantInfo) -> str:
    return "an application?"


def asgi_app(tenant: TenantInfo) -> Callable[..., Any]:
    """An ASGI application with a lifespan, a page, a WebSocket that echoes, and rows of its own tenant."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(scope, receive, send)
        elif scope["type"] == "websocket":
            await _echo(scope, receive, send)
        else:
            await _page(scope, receive, send)

    async def _live(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["begun"] = tenant.slug
        count(built, tenant.slug)
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        count(closed, tenant.slug)
        await send({"type": "lifespan.shutdown.complete"})

    async def _page(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        seen = {
            "root_path": scope["root_path"],
            "path": scope["path"],
            "owner": await sync_to_async(owner_here)(),
            "begun": scope["state"]["begun"],
            "size": len(body),
        }
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(seen).encode()})

    async def _echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            owner = await sync_to_async(owner_here)()
            await send({"type": "websocket.send", "text": f"{owner} {scope['root_path']} {message['text']}"})

    return application


def unlively_asgi_app(tenant: TenantInfo) -> Callable[..., Any]:
    """An application without lifespan, as the standard allows."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    return application


def stillborn_asgi_app(tenant: TenantInfo) -> Callable[..., Any]:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    return application


def endless_asgi_app(tenant: TenantInfo) -> Callable[..., Any]:
    """An application that sends until the client disconnects."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"tick", "more_body": True})
        except OSError:
            count(gone, tenant.slug)

    return application
