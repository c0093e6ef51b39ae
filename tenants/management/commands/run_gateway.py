"""`manage.py run_gateway`: one front for all services, a process of its own."""

from __future__ import annotations

import asyncio
import gc
import signal
from argparse import ArgumentParser
from typing import Any

import uvloop
from django.core.management.base import CommandError

from tenants.contrib.gateway.gateway import Gateway
from tenants.contrib.gateway.server import GatewayOptions, GatewayServer
from tenants.http.gc import spare_the_collector
from tenants.management.arguments import seconds, whole_number
from tenants.management.base import TenantCommand

GARBAGE_AFTER = 20_000
"""Objects that are made, less those that are gone, before the garbage collector looks at them (Python: 700)."""


class Command(TenantCommand):
    help = (
        "Leads requests to the services that are registered in the operator's admin, until SIGTERM or Ctrl-C. "
        "Several may run, on several machines, or on one port with --reuse-port."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="The address to listen at (default: %(default)s).")
        parser.add_argument("--port", type=whole_number(0, 65_535), default=8000, help="(default: %(default)s)")
        parser.add_argument(
            "--grace",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="How long requests in hand may take when the gateway is told to end (default: %(default)s).",
        )
        parser.add_argument(
            "--reuse-port", action="store_true", help="Share the port with other gateways of this machine."
        )

    def handle(self, *, host: str, port: int, grace: float, reuse_port: bool, verbosity: int, **options: Any) -> None:
        gateway = GatewayOptions(host=host, port=port, grace=grace, reuse_port=reuse_port)
        # Python's own event loop takes a fifth more time for a request.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(gateway, verbosity=verbosity))

    async def _serve(self, options: GatewayOptions, *, verbosity: int) -> None:
        ending = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ending.set)
        server = GatewayServer(Gateway(), options)
        try:
            port = await server.start()
        except OSError as error:  # the address is taken, or is none of this machine's
            raise CommandError(
                f"The gateway cannot listen at {options.host} port {options.port}: {error.strerror or error}. "
                f"Choose another --host or --port, or end what listens there."
            ) from error
        spare_the_collector()  # which took a sixth of the gateway's own time
        # A request leaves nothing that only the garbage collector finds, so it need not look at each dozen of them.
        gc.set_threshold(GARBAGE_AFTER)
        if verbosity:
            self.stdout.write(f"The gateway listens at http://{options.host}:{port}. Ctrl-C ends it.")
        await ending.wait()
        await server.stop()
