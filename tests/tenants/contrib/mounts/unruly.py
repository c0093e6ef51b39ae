"""Applications that hang, block, stall and exit, by the path of the request."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from asgiref.sync import sync_to_async

from tenants import TenantInfo
from tenants.contrib.observability.request_context import current_request_context
from tests.tenants.contrib.mounts.applications import count, gone, owner_here

released = Event()
"""Lets go of what hangs on a thread."""
asked: list[str] = []
"""How often a factory that has nothing was asked, and as whom."""


class Gravely(BaseException):
    """No `Exception`, as what a library of others may raise."""


def asked_by() -> bytes:
    """For whom another service would be asked."""
    call = current_request_context()
    return b"nobody" if call is None else call.request_id.encode()


def wsgi(tenant: TenantInfo) -> Callable[..., Iterator[bytes]]:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        path = environ["PATH_INFO"]
        if path == "/exit":
            sys.exit(3)
        if path == "/interrupt":
            raise KeyboardInterrupt
        if path == "/gravely":
            raise Gravely
        if path == "/hang":
            released.wait(120)
        if path == "/sleep":
            time.sleep(40)
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"" if path == "/call" else owner_here().encode()
        if path == "/call":
            yield asked_by()
        if path == "/exit-later":
            sys.exit(3)
        if path == "/stall":
            released.wait(120)
        if path == "/size":
            size = 0
            while piece := environ["wsgi.input"].read(65_536):
                size += len(piece)
            yield f" {size}".encode()

    return application


def asgi(tenant: TenantInfo) -> Callable[..., Any]:
    async def exit_now() -> None:
        sys.exit(3)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("none")
        path = scope["path"].removeprefix(scope["root_path"])
        if path == "/exit":
            sys.exit(3)
        if path == "/interrupt":
            raise KeyboardInterrupt
        if path == "/gravely":
            raise Gravely
        if path == "/exit-in-task":
            asyncio.get_running_loop().create_task(exit_now())
            await asyncio.sleep(0.1)
        if path == "/exit-in-thread":
            await sync_to_async(sys.exit)(3)
        if path == "/stop-loop":
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0.1)
        if path == "/block":
            released.wait(120)
        if path in {"/hang", "/sleep"}:
            try:
                await asyncio.sleep(40)
            finally:
                count(gone, tenant.slug)
        size = 0
        while path == "/size":
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        owner = asked_by() if path == "/call" else (await sync_to_async(owner_here)()).encode()
        await send({"type": "http.response.body", "body": owner, "more_body": True})
        if path == "/stall":
            await asyncio.sleep(40)
        await send({"type": "http.response.body", "body": f" {size}".encode() if size else b""})

    return application


def exiting_factory(tenant: TenantInfo) -> None:
    sys.exit(3)


def hanging_factory(tenant: TenantInfo) -> None:
    released.wait(120)


def asked_again(tenant: TenantInfo) -> None:
    asked.append(owner_here())


def exiting_lifespan(tenant: TenantInfo) -> Callable[..., Any]:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        sys.exit(3)

    return application
