"""What the commands have in common that make the demo's building and serve it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from rich.console import Console
from rich.table import Column, Table

from shop.demo.prepare import Login, prepare
from shop.demo.serve import port_is_free
from tenants.contrib.devserver import EmbeddedPostgres, embedded


class DemoCommand(BaseCommand):
    """Makes the building, prints its doors, and leaves no server behind."""

    def prepare(self, ports: Iterable[int], make: str) -> list[Login]:
        """Create what is missing; raise `CommandError` if a port is taken."""
        for port in ports:
            if not port_is_free(port):
                raise CommandError(f"Somebody listens at port {port} already. Choose another: PORT={port + 100} {make}")
        return prepare(Path(settings.DATA_DIR), self.stdout.write)

    def print_logins(self, logins: list[Login]) -> None:
        """Print where to go, and as whom."""
        table = Table("", Column("address", no_wrap=True), "user", "password", box=None, header_style="dim")
        for login in logins:
            table.add_row(login.what, login.url, login.user, login.password)
        Console(width=None if self.stdout.isatty() else 120).print(table)

    def stop_postgres(self) -> None:
        """Leave no server behind that nobody uses."""
        close_connections()
        folder = connection.settings_dict["OPTIONS"].get("embedded")
        if folder and _stop(embedded(folder)):
            self.stdout.write("PostgreSQL has stopped; the shops are kept.")


def close_connections() -> None:
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
