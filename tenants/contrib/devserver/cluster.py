"""One PostgreSQL server per folder: started, found and stopped from any number of processes and threads at once."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tenants.contrib.devserver.binaries import find_bindir
from tenants.contrib.devserver.directories import (
    PORT,
    ServerDirectories,
    find_directories,
    make_directories,
    make_folder,
    stale_servers,
)
from tenants.contrib.devserver.locks import locked, open_private
from tenants.contrib.devserver.server import SUPERUSER, answers, launch, shut_down, take
from tenants.errors import DatabaseUnavailable

_CLIENTS = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Address:
    """How to connect: `host` is the folder of a Unix socket."""

    host: str
    port: str
    user: str


class EmbeddedPostgres:
    """The server whose data live in `folder`. It holds no state: that is in files, locks and processes."""

    def __init__(self, folder: Path | str) -> None:
        if os.name == "nt":
            raise DatabaseUnavailable(
                "The embedded PostgreSQL runs on Linux and macOS. On Windows, set DATABASE_URL to a server of your own."
            )
        self.folder = Path(folder).resolve()

    @property
    def bindir(self) -> Path:
        """The folder of `psql`, `pg_dump` and the like, to be run by the current user."""
        return find_bindir()

    @property
    def directories(self) -> ServerDirectories | None:
        """Where data, log and socket are; None as long as the server was never started."""
        return find_directories(self.folder)

    def is_running(self) -> bool:
        """Return whether the server takes connections. Changes nothing."""
        dirs = self.directories
        return dirs is not None and answers(dirs)

    def start(self) -> Address:
        """Return the address of the server, which is made and started if need be; a running one is found in 1 ms.

        However many processes call this at once, one starts the server and the others wait for it; one that is
        killed on the way leaves nothing that the next cannot mend. Raise `DatabaseUnavailable`, with the end of the
        server's log, if it will not start.
        """
        dirs = self.directories
        if dirs is None or dirs.folder != self.folder or not answers(dirs):
            dirs = self._start()
        return Address(host=str(dirs.sockets), port=PORT, user=SUPERUSER)

    def stop(self, *, if_unused: bool = False) -> bool:
        """Stop the server, rolling back open transactions, and return whether there was one to stop.

        With `if_unused`, a server that has clients is left alone, which is False as well. Connections of the calling
        process count as clients: close them first.
        """
        dirs = self.directories
        if dirs is None:
            return False
        with locked(self._lock), open_private(dirs.data_lock) as data_lock:
            if take(dirs, data_lock) or (if_unused and self._has_clients()):
                return False
            shut_down(dirs, data_lock)
        return True

    def ensure_database(self, name: str) -> None:
        """Make the database `name` unless it exists; start the server if need be."""
        with self._connect(self.start()) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                return
            # Another process may be doing the same at this moment.
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    @property
    def _lock(self) -> Path:
        return self.folder / "start.lock"

    def _start(self) -> ServerDirectories:
        make_folder(self.folder)
        try:
            with locked(self._lock):
                dirs = make_directories(self.folder)
                if dirs.base != self.folder:
                    _stop_stale_servers()
                with open_private(dirs.data_lock) as data_lock:
                    if take(dirs, data_lock):
                        launch(dirs, data_lock)
                return dirs
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self.folder} could not be started: {error}. "
                f"Mend the cause and try again, or set DATABASE_URL to a server of your own."
            ) from error

    def _has_clients(self) -> bool:
        try:
            with self._connect(self.start()) as connection:
                row = connection.execute(_CLIENTS).fetchone()
        except psycopg.OperationalError:
            return True  # not even the places kept for superusers are free
        return bool(row and row[0])

    def _connect(self, address: Address) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=address.host, port=address.port, user=address.user, dbname="postgres", autocommit=True
        )


def _stop_stale_servers() -> None:
    for dirs in stale_servers():
        # One that cannot be stopped is a nuisance, and no reason not to start ours.
        with suppress(DatabaseUnavailable), open_private(dirs.data_lock) as data_lock:
            if not take(dirs, data_lock):
                shut_down(dirs, data_lock)


@cache
def embedded(folder: Path | str) -> EmbeddedPostgres:
    """Return the server of `folder`, the same one for the same folder."""
    return EmbeddedPostgres(folder)
