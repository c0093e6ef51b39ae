"""`manage.py embedded_postgres`: look after the PostgreSQL that the project brings along."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.contrib.devserver import EmbeddedPostgres, embedded
from tenants.errors import DatabaseUnavailable

_NOT_RUNNING = 3
"""Exit code of `status`, as that of `pg_ctl status` and `systemctl status`."""


class Command(BaseCommand):
    help = "Show, start or stop the PostgreSQL that the project brings along, or open psql in it."
    requires_system_checks: list[str] = []  # it has to work while the database does not

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="status | start | stop | psql")
        actions.add_parser("status", help=f"Say whether it runs, and where. Exit code {_NOT_RUNNING} if it does not.")
        actions.add_parser("start", help="Start it, unless it runs. (It starts by itself when it is needed.)")
        stop = actions.add_parser("stop", help="Stop it; open transactions are rolled back.")
        stop.add_argument("--if-unused", action="store_true", help="Only if nobody is connected.")
        psql = actions.add_parser("psql", help="Start it, and open psql in the project's database.")
        psql.add_argument("arguments", nargs="*", help="What psql takes, after --, for example: -- -c 'SELECT 1'.")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DATABASES["default"].get("OPTIONS", {}).get("embedded")
        if not folder:
            raise CommandError("DATABASE_URL is set, so the project uses that server and not the embedded PostgreSQL.")
        try:
            getattr(self, f"_{options['action']}")(embedded(folder), options)
        except DatabaseUnavailable as error:
            raise CommandError(str(error)) from error

    def _status(self, server: EmbeddedPostgres, options: dict[str, Any]) -> None:
        running = server.is_running()
        self.stdout.write("running" if running else "stopped")
        if server.directories:
            self.stdout.write(f"  data      {server.directories.data}\n  log       {server.directories.log}")
        self.stdout.write(f"  programs  {server.bindir}")
        if not running:
            raise SystemExit(_NOT_RUNNING)

    def _start(self, server: EmbeddedPostgres, options: dict[str, Any]) -> None:
        server.start()
        self._status(server, options)

    def _stop(self, server: EmbeddedPostgres, options: dict[str, Any]) -> None:
        if server.stop(if_unused=options["if_unused"]):
            self.stdout.write("stopped")
        else:
            self.stdout.write("left running: it is in use" if server.is_running() else "it was not running")

    def _psql(self, server: EmbeddedPostgres, options: dict[str, Any]) -> None:
        database = settings.DATABASES["default"]["NAME"]
        server.ensure_database(database)
        address = server.start()
        connect = {"PGHOST": address.host, "PGPORT": address.port, "PGUSER": address.user, "PGDATABASE": database}
        command = [str(server.bindir / "psql"), *options["arguments"]]
        ended = subprocess.run(command, env=os.environ | connect, check=False)
        if ended.returncode:
            raise SystemExit(ended.returncode)
