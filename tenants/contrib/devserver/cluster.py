"""PostgreSQL server of a folder: start, stop and status, safe in many processes and threads at once."""

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
from tenants.contrib.devserver.server import SUPERUSER, acquire_data, answers, launch, shut_down
from tenants.errors import DatabaseUnavailable

_CLIENTS = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Address:
    """Connection parameters; `host` is the folder of a Unix socket."""

    host: str
    port: str
    user: str


class EmbeddedPostgres:
    """The server whose data are in `folder`. The object has no state, only files, locks and processes have."""

    def __init__(self, folder: Path | str) -> None:
        if os.name == "nt":
            raise DatabaseUnavailable(
                "The embedded PostgreSQL could not be started: it does not run on Windows. Set DATABASE_URL to another "
                "server."
            )
        self.folder = Path(folder).resolve()

    @property
    def bindir(self) -> Path:
        """The folder of `psql`, `pg_dump` and other programs that the current user can run."""
        return find_bindir()

    @property
    def directories(self) -> ServerDirectories | None:
        """Where data, log and socket are; None as long as the server was never started."""
        return find_directories(self.folder)

    def is_running(self) -> bool:
        """Return whether the server accepts connections."""
        dirs = self.directories
        return dirs is not None and answers(dirs)

    def start(self) -> Address:
        """Return the server's address; create and start the server if necessary. A running one takes 1 ms.

        If several processes call this at once, one starts the server and the others wait. If that process is killed,
        the next call recovers. Raise `DatabaseUnavailable` with the end of the server's log if the start fails.
        """
        dirs = self.directories
        if dirs is None or dirs.folder != self.folder or not answers(dirs):
            dirs = self._start()
        return Address(host=str(dirs.sockets), port=PORT, user=SUPERUSER)

    def stop(self, *, if_unused: bool = False) -> bool:
        """Stop the server and roll back open transactions; return whether a running server was stopped.

        With `if_unused`, a server with clients keeps running, and the result is False. Connections of the calling
        process are clients as well: close them first.
        """
        dirs = self.directories
        if dirs is None:
            return False
        with locked(self._lock), open_private(dirs.data_lock) as data_lock:
            if acquire_data(dirs, data_lock) or (if_unused and self._has_clients()):
                return False
            shut_down(dirs, data_lock)
        return True

    def ensure_database(self, name: str) -> None:
        """Create the database `name` if it is missing; start the server if necessary."""
        with self._connect(self.start()) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                return
            # Another process may create it at the same moment.
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
                    if acquire_data(dirs, data_lock):
                        launch(dirs, data_lock)
                return dirs
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self.folder} could not be started: {error}. "
                f"Remove the cause and try again, or set DATABASE_URL to another server."
            ) from error

    def _has_clients(self) -> bool:
        try:
            with self._connect(self.start()) as connection:
                row = connection.execute(_CLIENTS).fetchone()
        except psycopg.OperationalError:
            return True  # even the connections reserved for superusers are in use
        return bool(row and row[0])

    def _connect(self, address: Address) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=address.host, port=address.port, user=address.user, dbname="postgres", autocommit=True
        )


def _stop_stale_servers() -> None:
    for dirs in stale_servers():
        # Ours starts even if one of these cannot be stopped.
        with suppress(DatabaseUnavailable), open_private(dirs.data_lock) as data_lock:
            if not acquire_data(dirs, data_lock):
                shut_down(dirs, data_lock)


@cache
def embedded(folder: Path | str) -> EmbeddedPostgres:
    """Return the server of `folder`, the same one for the same folder."""
    return EmbeddedPostgres(folder)
