"""The processes that `bench.gateway` measures, beside the gateway itself: a service, and a proxy that only passes on.

`python -m bench.gateway_parts service PORT`, `… bare PORT SERVICE_PORT`.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict

SMALL = b"x" * 512
CHUNK = b"x" * 64 * 1024


async def serve(handler: object, port: int, **options: object) -> None:
    """Serve a handler on the loopback for ever."""
    runner = web.ServerRunner(web.Server(handler, access_log=None, **options))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


async def service(request: web.BaseRequest) -> web.StreamResponse:
    """Answer a small text; take what is sent; give as many MiB as asked for; echo a WebSocket; or fail as asked."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket
    if request.path == "/up":
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
        return web.Response(text=str(size))
    if request.path == "/down":
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(int(request.query["mib"]) * 16):
            await response.write(CHUNK)
        return response
    return web.Response(body=SMALL)


class Bare:
    """What anybody would write first: no tenant, no rule, no protection."""

    def __init__(self, target: int) -> None:
        self._target = f"http://127.0.0.1:{target}"
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False, connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        headers: CIMultiDict[str] = CIMultiDict(request.headers)
        body = request.content if request.body_exists else None
        url = self._target + request.raw_path
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "service":
        asyncio.run(serve(service, port))
    else:
        asyncio.run(serve(Bare(int(sys.argv[3])), port, auto_decompress=False))
