"""Two thousand WebSockets, all open at once."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from bench.gateway.load import HOST
from bench.gateway.servers import Stage, peak_while
from bench.measure import table

NUMBER = 2_000


async def _crowd(port: int) -> tuple[int, float]:
    """Open sockets, have each echo a word while all are open, and return how many did, and how long opening took."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        gate = asyncio.Semaphore(100)

        async def opened() -> aiohttp.ClientWebSocketResponse:
            async with gate:
                return await session.ws_connect(f"http://127.0.0.1:{port}/", headers={"Host": HOST})

        began = time.perf_counter()
        crowd = await asyncio.gather(*(opened() for _ in range(NUMBER)))
        seconds = time.perf_counter() - began
        for count, ws in enumerate(crowd):
            await ws.send_str(str(count))
        heard = [await ws.receive_str(timeout=60) == str(count) for count, ws in enumerate(crowd)]
        await asyncio.gather(*(ws.close() for ws in crowd))
        return sum(heard), seconds


def sockets(stage: Stage) -> None:
    """Open them, and see what they cost."""
    found: list[tuple[int, float]] = []
    _, peak, _ = peak_while(stage.gateway, lambda: found.append(asyncio.run(_crowd(stage.port))))
    echoed, opening = found[0]
    rows = [[f"{NUMBER:,}", f"{echoed:,}", f"{NUMBER / opening:,.0f}", f"{peak:.0f}", f"{peak * 1024 / NUMBER:.0f}"]]
    columns = ["open at once", "echoed", "opened a second", "memory grew by, MiB", "KiB each"]
    table("WebSockets through the gateway", columns, rows)
