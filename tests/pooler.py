"""A real PgBouncer in front of the tests' database: transaction pooling, one server connection for all clients."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from psycopg.conninfo import make_conninfo

from tests.waiting import eventually

_INI = """
[databases]
{name} = {target}

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
logfile =
pidfile =
"""


@dataclass(frozen=True)
class Pooler:
    """Where a running PgBouncer listens."""

    folder: Path
    port: int
    log: Path

    @property
    def params(self) -> dict[str, Any]:
        """What `psycopg.connect` takes to reach the tests' database through it."""
        return {"host": str(self.folder), "port": self.port, "user": "anybody", "dbname": connection_name()}


def connection_name() -> str:
    return str(connection.settings_dict["NAME"])


def program() -> str:
    """Return where PgBouncer is; where it is missing, skip the test, or fail it in CI."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if not found:
        reason = "There is no PgBouncer. Install it: apt-get install pgbouncer"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@contextmanager
def pgbouncer(*, size: int = 1, mode: str = "transaction") -> Iterator[Pooler]:
    """Run PgBouncer inside the block."""
    executable = program()
    identity = _identity()
    folder = Path(tempfile.mkdtemp(prefix="sangga-pooler-"))
    try:
        target = _target()
        ini = _INI.format(name=connection_name(), target=target, port=6432, folder=folder, mode=mode, size=size)
        (folder / "pgbouncer.ini").write_text(ini)
        if identity:
            for path in (folder, folder / "pgbouncer.ini"):
                os.chown(path, identity["user"], identity["group"])
        pooler = Pooler(folder=folder, port=6432, log=folder / "log")
        with pooler.log.open("wb") as log:
            process = subprocess.Popen([executable, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, **identity)
        try:
            assert eventually(lambda: _answers(pooler, process)), pooler.log.read_text()
            yield pooler
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder)


def _identity() -> dict[str, Any]:
    """Return the account to run as: PgBouncer refuses root, and the embedded server's socket is its account's alone."""
    if os.geteuid() != 0:
        return {}
    host = str(connection.get_connection_params().get("host") or "")
    owner = Path(host).stat() if host.startswith("/") else None
    uid, gid = (owner.st_uid, owner.st_gid) if owner and owner.st_uid else (65534, 65534)
    return {"user": uid, "group": gid, "extra_groups": []}


def _target() -> str:
    params = connection.get_connection_params()
    names = {"host": "host", "port": "port", "user": "user", "password": "password", "dbname": "dbname"}
    return make_conninfo("", **{name: params[key] for key, name in names.items() if params.get(key)})


def _answers(pooler: Pooler, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, pooler.log.read_text()
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(str(pooler.folder / f".s.PGSQL.{pooler.port}")):
            return False
    with psycopg.connect(**pooler.params, autocommit=True) as session:
        return session.execute("SELECT 1").fetchone() == (1,)


@contextmanager
def led_through(pooler: Pooler) -> Iterator[None]:
    """Lead Django's connections of every thread through the pooler inside the block; past it, there is `direct`."""
    params = connection.get_connection_params()
    direct = make_conninfo("", **{key: params[key] for key in ("host", "port", "user", "password") if params.get(key)})
    connection.close()
    # New threads take the second; the two are one unless another test has given this thread's wrapper its own.
    both = [connection.settings_dict, connections.settings["default"]]
    kept = [dict(settings) for settings in both]
    options = {key: value for key, value in both[0]["OPTIONS"].items() if key != "embedded"}
    for settings in both:  # changed and not replaced: wrappers of all threads have them
        settings.update(
            HOST=str(pooler.folder), PORT=str(pooler.port), USER="anybody", PASSWORD="",
            OPTIONS={**options, "pool": False, "direct": direct}, DISABLE_SERVER_SIDE_CURSORS=True,
        )  # fmt: skip
    try:
        yield
    finally:
        connection.close()
        for settings, before in zip(both, kept, strict=True):
            settings.clear()
            settings.update(before)
