"""`manage.py embedded_postgres`: status, start and stop of the development server, and psql in it."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.contrib.devserver import EmbeddedPostgres, embedded
from tenants.errors import DatabaseUnavailable

_NOT_RUNNING = 3
"""Exit code of `status`, the same as that of `pg_ctl status` and `systemctl status`."""


class Command(BaseCommand):
    help = "Shows, starts or stops the embedded PostgreSQL, or opens psql in it."
    requires_system_checks: list[str] = []  # works while the database does not

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="status | start | stop | psql")
        actions.add_parser("status", help=f"Show whether and where it runs. Exit code {_NOT_RUNNING} if it does not.")
        actions.add_parser("start", help="Start it. It also starts by itself when it is first used.")
        stop = actions.add_parser("stop", help="Stop it and roll back open transactions.")
        stop.add_argument("--if-unused", action="store_true", help="Only if no client is connected.")
        psql = actions.add_parser("psql", help="Start it and open psql in the project's database.")
        psql.add_argument("arguments", nargs="*", help="Arguments of psql after --, for example: -- -c 'SELECT 1'.")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.DATABASES["default"].get("OPTIONS", {}).get("embedded")
        if not folder:
            raise CommandError(
                "The embedded PostgreSQL is not in use: DATABASE_URL is set. Unset it, or manage that server with its "
                "own tools."
            )
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
            self.stdout.write("still running: clients are connected" if server.is_running() else "was not running")

    def _psql(self, server: EmbeddedPostgres, options: dict[str, Any]) -> None:
        database = settings.DATABASES["default"]["NAME"]
        server.ensure_database(database)
        address = server.start()
        connect = {"PGHOST": address.host, "PGPORT": address.port, "PGUSER": address.user, "PGDATABASE": database}
        command = [str(server.bindir / "psql"), *options["arguments"]]
        ended = subprocess.run(command, env=os.environ | connect, check=False)
        if ended.returncode:
            raise SystemExit(ended.returncode)
