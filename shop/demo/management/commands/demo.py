"""`manage.py demo`: creates and serves three example shops."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from shop.demo.command import DemoCommand, close_connections
from shop.demo.serve import background_worker, serve
from tenants.conf import tenancy


class Command(DemoCommand):
    help = "Create three example shops, if they are missing, and serve them on localhost."

    def handle(self, *, prepare_only: bool, **options: Any) -> None:
        port = urlsplit(tenancy().origin).port or 80
        self.print_logins(self.prepare([] if prepare_only else [port], "make demo"))
        close_connections()
        if not prepare_only:
            self.stdout.write("Press Ctrl-C to stop.")
            with background_worker():
                serve(port)
            self.stop_postgres()
