"""Serves a gateway: listens, keeps what comes over a connection in bounds, and ends without cutting anybody off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web
from django.core.signals import request_finished

from tenants.contrib.gateway.connection_limits import ClientConnections, most_connections
from tenants.contrib.gateway.errors import Refused, problem
from tenants.contrib.gateway.gateway import Gateway
from tenants.contrib.gateway.health import watch_health
from tenants.contrib.observability.request_context import Call
from tenants.contrib.observability.tracing import prepare
from tenants.contrib.services.conf import service_settings
from tenants.contrib.services.metrics import forget, watch
from tenants.contrib.services.status_report import facts_of, write_and_hang_up
from tenants.contrib.services.upstreams import Upstream
from tenants.registry.listener import listener

logger = logging.getLogger(__name__)

LONGEST_LINE = 8_190
"""Bytes of the request line, and of one header."""
IDLE_SECONDS = 30.0
"""How long a connection may be silent between requests, and how long the headers of one may take."""

ROUND_OFF_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """Where a gateway listens."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: any that is free."""
    grace: float = 10.0
    """Seconds that requests in hand have to end in, when the gateway is told to end."""
    reuse_port: bool = False
    """Whether several gateways share the port, and the kernel deals out the connections."""


class _Connection(web.RequestHandler):
    """A client's connection; what its parser refuses is told as a problem, like everything else."""

    __slots__ = ("_counted_by",)

    def __init__(self, counted_by: ClientConnections, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._counted_by = counted_by

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, and close it if there are too many."""
        super().connection_made(transport)
        self._counted_by.add(self, transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it no more."""
        self._counted_by.remove(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no request."""
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun already.")
        call = Call.begin()
        if status != 400:
            logger.error("The gateway failed", exc_info=exc, extra={"tenant": "-", "call": call})
        detail = "This is no request as HTTP has it." if status == 400 else "The gateway failed."
        return problem(Refused(status, detail, kind="bad-request", hang_up=True), call.request_id, request.path)


class _Server(web.Server):
    clients: ClientConnections

    def __call__(self) -> web.RequestHandler:
        return _Connection(self.clients, self, loop=self._loop, **self._kwargs)


class GatewayServer:
    """A gateway with its port. Belongs to one event loop."""

    def __init__(self, gateway: Gateway, options: GatewayOptions) -> None:
        self.gateway = gateway
        self._options = options
        self._beside: list[asyncio.Task[None]] = []
        limits: dict[str, Any] = {"max_line_size": LONGEST_LINE, "max_field_size": LONGEST_LINE}
        server = _Server(
            gateway.answer,
            handler_cancellation=True,  # who hangs up is not worked for any more
            auto_decompress=False,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=1.0,
            **limits,
        )
        server.clients = self.clients = ClientConnections(most_connections())
        self._runner = web.ServerRunner(server, shutdown_timeout=options.grace)

    async def start(self) -> int:
        """Begin to listen, and return the port."""
        listener.start()
        prepare()
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
        self._beside = [asyncio.create_task(watch_health(self.gateway)), asyncio.create_task(self._round_off())]
        if service_settings().service_report_seconds:
            self._beside.append(asyncio.create_task(self._report()))
        watch(self.gateway.tally, self._upstreams)
        port: int = self._runner.addresses[0][1]
        return port

    async def _round_off(self) -> None:
        """Do now and then what is put off to the end of a request, that an API key was used for example."""
        while True:
            await asyncio.sleep(ROUND_OFF_SECONDS)
            await self.gateway.lookups.in_thread(partial(request_finished.send_robust, sender=GatewayServer))

    async def _report(self) -> None:
        """Write down, for the operator's admin, what is seen of services."""
        while True:
            await asyncio.sleep(service_settings().service_report_seconds)
            await self.gateway.lookups.in_thread(partial(write_and_hang_up, "gateway", facts_of(self._upstreams())))

    def _upstreams(self) -> Iterable[Upstream]:
        return self.gateway.upstreams.by_name.values()

    async def stop(self) -> None:
        """Take no more requests, let those in hand end, and let go of everything."""
        forget(self.gateway.tally, self._upstreams)
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        for site in list(self._runner.sites):
            await site.stop()
        await self.gateway.sockets.close()
        await self._runner.cleanup()
        await self.gateway.close()
