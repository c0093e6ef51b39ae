"""`manage.py demo`: a building with three shops, made and served with one command."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from rich.console import Console
from rich.table import Column, Table

from shop.demo.prepare import Login, prepare
from shop.demo.serve import port_is_free, serve, worker_beside
from tenants.conf import tenancy
from tenants.postgresql.embedded import EmbeddedPostgres, embedded


class Command(BaseCommand):
    help = "Makes three shops with goods in them, as far as they are not there, and serves them on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare-only", action="store_true", help="Make everything, but do not serve.")

    def handle(self, *, prepare_only: bool, **options: Any) -> None:
        origin = urlsplit(tenancy().origin)
        self._refuse_elsewhere(origin.hostname or "")
        port = origin.port or 80
        if not prepare_only and not port_is_free(port):
            raise CommandError(f"Somebody listens at port {port} already. Choose another: PORT=8001 make demo")
        logins = prepare(Path(settings.DATA_DIR), self.stdout.write)
        self._print(logins)
        _hang_up()
        if not prepare_only:
            self.stdout.write("Ctrl-C ends it.")
            with worker_beside():
                serve(port)
            self._close_up()

    def _refuse_elsewhere(self, host: str) -> None:
        if host != "localhost" and not host.endswith(".localhost"):
            raise CommandError(
                f"The demo makes users with passwords that it prints, so it runs on localhost alone, and SANGGA_ORIGIN "
                f"says {host}. Unset it, or open shops with manage.py create_tenant."
            )

    def _print(self, logins: list[Login]) -> None:
        table = Table("", Column("address", no_wrap=True), "user", "password", box=None, header_style="dim")
        for login in logins:
            table.add_row(login.what, login.url, login.user, login.password)
        Console(width=None if self.stdout.isatty() else 120).print(table)

    def _close_up(self) -> None:
        """Leave no server behind that nobody uses."""
        _hang_up()
        folder = connection.settings_dict["OPTIONS"].get("embedded")
        if folder and _stop(embedded(folder)):
            self.stdout.write("PostgreSQL has stopped; the shops are kept.")


def _hang_up() -> None:
    """Close this process's connections, those that the pool keeps as well."""
    connections.close_all()
    connection.close_pool()


def _stop(server: EmbeddedPostgres) -> bool:
    """Stop the server unless others use it, and return whether it was stopped."""
    # The connections of processes that have just ended are taken for clients for a moment.
    for _ in range(20):
        if server.stop(if_unused=True):
            return True
        time.sleep(0.1)
    return False
