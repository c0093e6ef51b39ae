"""`manage.py services`: the demo's building behind a gateway, each service a process of its own."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from shop.demo.command import DemoCommand, close_connections
from shop.demo.services import PROCESSES, doors, register, run_processes
from tenants.conf import tenancy


class Command(DemoCommand):
    help = "Makes the demo's shops and serves them as several processes behind a gateway, on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare-only", action="store_true", help="Make everything, but do not serve.")

    def handle(self, *, prepare_only: bool, **options: Any) -> None:
        port = urlsplit(tenancy().origin).port or 80
        ports = [] if prepare_only else range(port, port + PROCESSES)
        logins = self.prepare(ports, "make services")
        register(port)
        self.print_logins([*logins, *doors(port)])
        close_connections()
        if not prepare_only:
            self.stdout.write("Ctrl-C ends it.")
            code = run_processes(port)
            self.stop_postgres()
            if code != 128 + signal.SIGINT:
                raise SystemExit(code)
