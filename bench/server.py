"""The PostgreSQL that everybody is measured on, and the databases in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from tenants.contrib.devserver import Address, EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("SANGGA_DATA_DIR") or ROOT / ".sangga") / "bench"
server = EmbeddedPostgres(FOLDER / "postgres")


@cache
def address() -> Address:
    """Start the server and return where it is."""
    return server.start()


def connect(database: str = "postgres") -> psycopg.Connection[Any]:
    """Return a new connection in autocommit mode."""
    at = address()
    return psycopg.connect(host=at.host, port=at.port, user=at.user, dbname=database, autocommit=True)


def environment(database: str, host: str = "") -> dict[str, str]:
    """Return what `bench.peers.*.settings`, psql and `bench.bare` find the database by."""
    at = address()
    names = {"HOST": host or at.host, "PORT": at.port, "USER": at.user, "DATABASE": database}
    return {f"{prefix}{name}": value for name, value in names.items() for prefix in ("BENCH_", "PG")}


@contextmanager
def own_server() -> Iterator[None]:
    """Start with an empty server, and leave it stopped and, if all went well, empty."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        drop_everything()
        yield
        drop_everything()
    finally:
        server.stop()


def drop_everything() -> None:
    """Drop all databases of the benchmarks, and the roles of the tenants in them."""
    with connect() as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'").fetchall():
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for (role,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'bench\\_%'").fetchall():
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def make_database(name: str, copy_of: str = "template1") -> None:
    """Make a database, in the place of one of that name, empty or as a copy of another."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(copy_of)))


def schemas_with_goods(database: str) -> list[str]:
    """Return the schemas of a database's tenants: those in which a shop is."""
    with connect(database) as connection:
        rows = connection.execute(
            "SELECT schemaname FROM pg_tables WHERE tablename = 'goods_goods' AND schemaname <> 'template' ORDER BY 1"
        )
        return [schema for (schema,) in rows.fetchall()]


def active_milliseconds(database: str) -> float:
    """Return the total execution time of a database's statements, after the last connection was closed."""
    with connect() as connection:
        while connection.execute("SELECT FROM pg_stat_activity WHERE datname = %s", [database]).rowcount:
            time.sleep(0.01)
        row = connection.execute("SELECT active_time FROM pg_stat_database WHERE datname = %s", [database]).fetchone()
        return float(row[0]) if row else 0.0


def cpu_seconds() -> float:
    """Return the processor time of all connections that have ended, all in all."""
    with connect() as connection:
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    times = psutil.Process(int(row[0].split()[0]) if row else 0).cpu_times()
    return float(times.children_user + times.children_system)


def version() -> str:
    """Return the server's version and whether it waits for the disk."""
    with connect() as connection:
        number = connection.execute("SHOW server_version").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    return f"PostgreSQL {number[0] if number else '?'}, fsync {fsync[0] if fsync else '?'}"
