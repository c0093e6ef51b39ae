"""The processes that `bench.gateway` measures, beside the gateway itself.

A service, one that fails, and a proxy that only passes on: `python -m bench.gateway.parts service PORT`,
`… failing PORT`, `… bare PORT SERVICE_PORT`, `… bare-uvloop PORT SERVICE_PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import aiohttp
import uvloop
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


FAULTS = ("killed", "hanging", "slow", "cut", "rubbish")
"""Ways to fail, each below a path of its name."""


async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request, and fail as its path says."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        kind = (await reader.readuntil(b"\r\n\r\n")).split(b"/", 2)[1].decode()
        if kind == "killed":
            writer.transport.abort()
        elif kind == "hanging":
            await reader.read()  # until the other side has had enough
        elif kind == "slow":
            for byte in b"HTTP/1.1 200 OK\r\n":
                writer.write(bytes([byte]))
                await asyncio.sleep(0.2)
        elif kind == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
        elif kind == "rubbish":
            writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        await writer.drain()
    writer.close()


async def serve_failures(port: int) -> None:
    """Serve `fail` on the loopback for ever."""
    async with await asyncio.start_server(fail, "127.0.0.1", port, backlog=4096) as server:
        await server.serve_forever()


def main(kind: str, port: int, target: int) -> None:
    """Run one of the processes for ever."""
    if kind == "service":
        asyncio.run(serve(service, port))
    elif kind == "failing":
        asyncio.run(serve_failures(port))
    else:
        loop = uvloop.new_event_loop if kind == "bare-uvloop" else None
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(serve(Bare(target), port, auto_decompress=False))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
