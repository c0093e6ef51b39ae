"""HTTP server of the gateway: connections, background tasks and graceful shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web
from django.core.signals import request_finished

from tenants.contrib.gateway.connection_limits import ClientConnections, max_connections
from tenants.contrib.gateway.errors import GatewayError, problem_response
from tenants.contrib.gateway.gateway import Gateway
from tenants.contrib.gateway.health import run_health_checks
from tenants.contrib.observability.request_context import RequestContext
from tenants.contrib.observability.tracing import load_exporter
from tenants.contrib.services.metrics import add_gateway, remove_gateway
from tenants.contrib.services.status_report import report_forever
from tenants.contrib.services.upstreams import Upstream
from tenants.registry.listener import listener

logger = logging.getLogger(__name__)

MAX_LINE = 8_190
"""Bytes of the request line, and of one header."""
KEEPALIVE_SECONDS = 30.0
"""How long a connection may be idle between requests, and how long the headers of one may take."""
FLUSH_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """Options of `manage.py run_gateway`."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: any free port."""
    grace: float = 10.0
    """Seconds that running requests may take at shutdown."""
    reuse_port: bool = False
    """Whether several gateways share the port (SO_REUSEPORT)."""


class _Connection(web.RequestHandler):
    """A client's connection. Requests that its parser refuses get a problem, too."""

    __slots__ = ("_clients",)

    def __init__(self, clients: ClientConnections, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clients = clients

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._clients.add(self, transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._clients.remove(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun already.")
        context = RequestContext.new()
        if status != 400:
            logger.error("Internal error", exc_info=exc, extra={"tenant": "-", "context": context})
        detail = "Malformed HTTP request." if status == 400 else "Internal error of the gateway."
        error = GatewayError(status, detail, kind="bad-request", close_connection=True)
        return problem_response(error, context.request_id, request.path)


class _Server(web.Server):
    clients: ClientConnections

    def __call__(self) -> web.RequestHandler:
        return _Connection(self.clients, self, loop=self._loop, **self._kwargs)


class GatewayServer:
    """A gateway that listens at a port. Belongs to one event loop."""

    def __init__(self, gateway: Gateway, options: GatewayOptions) -> None:
        self.gateway = gateway
        self._options = options
        self._tasks: list[asyncio.Task[None]] = []
        limits: dict[str, Any] = {"max_line_size": MAX_LINE, "max_field_size": MAX_LINE}
        server = _Server(
            gateway.answer,
            handler_cancellation=True,  # a client that leaves ends its request
            auto_decompress=False,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=1.0,
            **limits,
        )
        server.clients = self.clients = ClientConnections(max_connections())
        self._runner = web.ServerRunner(server, shutdown_timeout=options.grace)

    async def start(self) -> int:
        """Start to listen, and return the port."""
        listener.start()
        load_exporter()
        await self._runner.setup()
        options = self._options
        site = web.TCPSite(
            self._runner, options.host, options.port, backlog=1024, reuse_port=options.reuse_port or None
        )
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        work = [run_health_checks(self.gateway), self._flush(), report_forever("gateway", self._upstreams)]
        self._tasks = [asyncio.create_task(each) for each in work]
        add_gateway(self.gateway.stats, self._upstreams)
        port: int = self._runner.addresses[0][1]
        return port

    async def _flush(self) -> None:
        """Write what is deferred to the end of a request, such as the last use of an API key."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.gateway.lookup.in_thread(partial(request_finished.send_robust, sender=GatewayServer))

    def _upstreams(self) -> Iterable[Upstream]:
        return self.gateway.upstreams.by_name.values()

    async def stop(self) -> None:
        """Refuse new requests, wait for running ones, and close everything."""
        remove_gateway(self.gateway.stats, self._upstreams)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for site in list(self._runner.sites):
            await site.stop()
        await self.gateway.websockets.close()
        await self._runner.cleanup()
        await self.gateway.close()
