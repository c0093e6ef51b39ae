"""Services behind the gateway: one that reports its requests, and some that fail in every way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import WSMsgType, web
from multidict import CIMultiDict


class Telling:
    """A real aiohttp application that answers with what it received."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.asked = 0
        self.bodies = 0
        self.delay = 0.0
        self.hangs_for = ""
        """The host of a shop that gets no answer."""
        self.is_well = True
        self.says: list[tuple[str, str]] = []
        """Headers of the answer at `/says`."""
        self.port = 0
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> int:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self.port

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def connections(self) -> int:
        """Number of open connections."""
        assert self._runner is not None
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/well":
            return web.Response(status=200 if self.is_well else 500)
        self.asked += 1
        await asyncio.sleep(self.delay if request.host != self.hangs_for else 3_600)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._echo(request)
        if request.path.endswith("/stream"):
            return await self._stream(request)
        if request.path.endswith("/status"):
            return web.Response(status=int(request.query["code"]), text="so it is")
        if request.path.endswith("/says"):
            return web.Response(text="<p>so it is", headers=CIMultiDict(self.says))
        if request.path.endswith("/cookies"):
            response = web.Response(text="two")
            response.set_cookie("one", "1")
            response.set_cookie("two", "2")
            response.headers["Sangga-Secret"] = "inside"
            response.headers["Keep-Alive"] = "timeout=5"
            return response
        digest = hashlib.sha256()
        async for chunk in request.content.iter_any():
            digest.update(chunk)
            self.bodies += len(chunk)
        return web.json_response(
            {
                "name": self.name,
                "method": request.method,
                "target": request.raw_path,
                "headers": [[name, value] for name, value in request.headers.items()],
                "sha256": digest.hexdigest(),
            }
        )

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send chunks, each after a pause."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(int(request.query.get("pieces", "3"))):
            await response.write(f"data: {number}\n\n".encode())
            await asyncio.sleep(float(request.query.get("pause", "0")))
        await response.write_eof()
        return response

    async def _echo(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("/no"):
            return web.Response(status=403)
        socket = web.WebSocketResponse(protocols=["chat"], autoping=False)
        await socket.prepare(request)
        await socket.send_json({"headers": dict(request.headers), "target": request.raw_path})
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data == "bye":
                await socket.close(code=4001)
            elif message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.type is WSMsgType.PING:
                await socket.pong(message.data)
        return socket


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Failing:
    """A server that reads a request and then fails in its way."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.asked = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                await self.talk(reader, writer)
        finally:
            writer.close()


async def be_well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Respond correctly."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell")
    await writer.drain()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await reader.read()  # until the client gives up


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the headers byte by byte, slowly."""
    for byte in b"HTTP/1.1 200 OK\r\n" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def kill(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection as soon as the request has arrived."""
    writer.transport.abort()


async def cut_small(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announce a hundred bytes, and send ten."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
    await writer.drain()


async def cut_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a chunk without the last one."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)


async def rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send something other than HTTP."""
    writer.write(b"\x15\x03\x01\x00\x02\x02\x46 SSH-2.0-OpenSSH_9.9\r\n\r\n")
    await writer.drain()


async def rubbish_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin like HTTP, and continue with invalid chunks."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n")
    await writer.drain()


async def too_many_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send headers without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(2_000):
        writer.write(f"X-{number}: {'a' * 100}\r\n".encode())
    await writer.drain()


async def hints_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send two informational responses, and then the final one."""
    writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
    await writer.drain()
    await be_well(reader, writer)


async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Switch to another protocol without a request for it."""
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\nhello")
    await writer.drain()


async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse a body after its beginning."""
    writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
    await writer.drain()
    await reader.read()
