"""`manage.py services`: the demo behind a gateway, with a process for each service."""

from __future__ import annotations

import signal
from typing import Any
from urllib.parse import urlsplit

from shop.demo.command import DemoCommand, close_connections
from shop.demo.services import PROCESSES, register, run_processes, service_logins
from tenants.conf import tenancy


class Command(DemoCommand):
    help = "Create the example shops and serve them on localhost, as several processes behind a gateway."

    def handle(self, *, prepare_only: bool, **options: Any) -> None:
        port = urlsplit(tenancy().origin).port or 80
        ports = [] if prepare_only else range(port, port + PROCESSES)
        logins = self.prepare(ports, "make services")
        register(port)
        self.print_logins([*logins, *service_logins(port)])
        close_connections()
        if not prepare_only:
            self.stdout.write("Press Ctrl-C to stop.")
            code = run_processes(port)
            self.stop_postgres()
            if code != 128 + signal.SIGINT:
                raise SystemExit(code)
