"""`manage.py demo`: a building with three shops, made and served with one command."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from shop.demo.command import DemoCommand, close_connections
from shop.demo.serve import background_worker, serve
from tenants.conf import tenancy


class Command(DemoCommand):
    help = "Makes three shops with goods in them, as far as they are not there, and serves them on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare-only", action="store_true", help="Make everything, but do not serve.")

    def handle(self, *, prepare_only: bool, **options: Any) -> None:
        port = urlsplit(tenancy().origin).port or 80
        self.print_logins(self.prepare([] if prepare_only else [port], "make demo"))
        close_connections()
        if not prepare_only:
            self.stdout.write("Ctrl-C ends it.")
            with background_worker():
                serve(port)
            self.stop_postgres()
