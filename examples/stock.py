"""A service of another kind: aiohttp, no Django, no database. It counts each tenant's stock, in memory.

Of the engine it takes one function: the one that tells what the gateway, or another service, has signed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import defaultdict

from aiohttp import web

from tenants.contrib.services.errors import InvalidIdentity
from tenants.contrib.services.identity import HEADER, Identity, verify

NAME = "other-service"


class Stock:
    """How many there are of each thing, tenant by tenant, and who wants to hear of changes."""

    def __init__(self) -> None:
        self.counts: dict[int, dict[str, int]] = defaultdict(dict)
        self.listeners: dict[int, set[web.WebSocketResponse]] = defaultdict(set)

    async def put(self, tenant: int, thing: str, count: int) -> None:
        """Write a count down, and tell that tenant's listeners."""
        self.counts[tenant][thing] = count
        for socket in list(self.listeners[tenant]):
            await socket.send_json({thing: count})


def make_app(key: bytes) -> web.Application:
    """Return the application; `key` is the service's own (`manage.py service_key other-service`)."""
    stock = Stock()

    @web.middleware
    async def door(request: web.Request, handler: web.Handler) -> web.StreamResponse:
        if request.path == "/health":
            return web.Response(text="ok\n")
        try:
            request["identity"] = verify(request.headers.get(HEADER, ""), service=NAME, keys=[key])
        except InvalidIdentity as refused:
            return web.json_response({"detail": str(refused)}, status=403)
        return await handler(request)

    async def everything(request: web.Request) -> web.Response:
        who: Identity = request["identity"]
        principal = who.principal
        return web.json_response(
            {
                "shop": who.slug,
                "asked_by": principal.user or principal.client or "a stranger",
                "stock": stock.counts[who.tenant],
            }
        )

    async def one(request: web.Request) -> web.Response:
        counts = stock.counts[request["identity"].tenant]
        thing = request.match_info["thing"]
        if thing not in counts:
            return web.json_response({"detail": f"No count of {thing}."}, status=404)
        return web.json_response({thing: counts[thing]})

    async def write(request: web.Request) -> web.Response:
        who: Identity = request["identity"]
        if "goods:write" not in who.principal.scopes:
            return web.json_response({"detail": "This takes a token with the scope goods:write."}, status=403)
        try:
            count = int((await request.json())["count"])
        except (ValueError, KeyError, TypeError):
            return web.json_response({"detail": 'Send {"count": 3}.'}, status=422)
        await stock.put(who.tenant, request.match_info["thing"], count)
        return web.json_response({request.match_info["thing"]: count})

    async def live(request: web.Request) -> web.WebSocketResponse:
        tenant = request["identity"].tenant
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        stock.listeners[tenant].add(socket)
        try:
            await socket.send_json(stock.counts[tenant])
            async for _ in socket:
                pass  # who listens has nothing to say
        finally:
            stock.listeners[tenant].discard(socket)
        return socket

    app = web.Application(middlewares=[door])
    app.add_routes(
        [
            web.get("/stock/", everything),
            web.get("/stock/live", live),
            web.get("/stock/{thing}", one),
            web.put("/stock/{thing}", write),
        ]
    )
    return app


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8003)
    app = make_app(bytes.fromhex(os.environ["SANGGA_SERVICE_KEY"]))
    web.run_app(app, host="127.0.0.1", port=parser.parse_args().port, print=None, loop=asyncio.new_event_loop())


if __name__ == "__main__":
    main()
