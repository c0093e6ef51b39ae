"""`manage.py run_gateway`: the gateway as a process."""

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
from tenants.http.gc import freeze_gc
from tenants.management.arguments import seconds, whole_number
from tenants.management.base import TenantCommand

GC_THRESHOLD = 20_000
"""New objects after which the garbage collector runs (Python's default: 700)."""


class Command(TenantCommand):
    help = (
        "Runs the gateway, which forwards requests to registered services, until SIGTERM or Ctrl-C. "
        "Several may run, on several machines or on one port with --reuse-port."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen at (default: %(default)s).")
        parser.add_argument(
            "--port", type=whole_number(0, 65_535), default=8000, help="Port to listen at (default: %(default)s)."
        )
        parser.add_argument(
            "--grace",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="How long running requests may take at shutdown (default: %(default)s).",
        )
        parser.add_argument(
            "--reuse-port", action="store_true", help="Share the port with other gateways of this machine."
        )

    def handle(self, *, host: str, port: int, grace: float, reuse_port: bool, verbosity: int, **options: Any) -> None:
        gateway = GatewayOptions(host=host, port=port, grace=grace, reuse_port=reuse_port)
        # Python's own event loop takes a fifth longer for a request.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(gateway, verbosity=verbosity))

    async def _serve(self, options: GatewayOptions, *, verbosity: int) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        server = GatewayServer(Gateway(), options)
        try:
            port = await server.start()
        except OSError as error:
            raise CommandError(
                f"The gateway cannot listen at {options.host} port {options.port}: {error.strerror or error}. "
                f"Choose another --host or --port, or stop the program that uses it."
            ) from error
        # Garbage collection took a sixth of the gateway's time. A request creates no reference cycles.
        freeze_gc()
        gc.set_threshold(GC_THRESHOLD)
        if verbosity:
            self.stdout.write(f"The gateway listens at http://{options.host}:{port}. Press Ctrl-C to stop it.")
        await stop.wait()
        await server.stop()
