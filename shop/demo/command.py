"""Base of the commands that create and serve the demo."""

from __future__ import annotations

import time
from argparse import ArgumentParser
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
    """Creates the demo, prints the logins, and stops PostgreSQL at the end."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare-only", action="store_true", help="Create the shops, but do not serve them.")

    def prepare(self, ports: Iterable[int], make: str) -> list[Login]:
        """Create what is missing; raise `CommandError` if a port is taken."""
        for port in ports:
            if not port_is_free(port):
                raise CommandError(f"Port {port} is in use. Choose another one: PORT={port + 100} {make}")
        return prepare(Path(settings.DATA_DIR), self.stdout.write)

    def print_logins(self, logins: list[Login]) -> None:
        table = Table("", Column("address", no_wrap=True), "user", "password", box=None, header_style="dim")
        for login in logins:
            table.add_row(login.what, login.url, login.user, login.password)
        Console(width=None if self.stdout.isatty() else 120).print(table)

    def stop_postgres(self) -> None:
        """Stop the embedded PostgreSQL, unless another process uses it."""
        close_connections()
        folder = connection.settings_dict["OPTIONS"].get("embedded")
        if folder and _stop(embedded(folder)):
            self.stdout.write("PostgreSQL has stopped. The shops are kept.")


def close_connections() -> None:
    """Close the connections of this process, including those in the pool."""
    connections.close_all()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL only


def _stop(server: EmbeddedPostgres) -> bool:
    # The connections of processes that have just ended look like clients for a moment.
    for _ in range(20):
        if server.stop(if_unused=True):
            return True
        time.sleep(0.1)
    return False
