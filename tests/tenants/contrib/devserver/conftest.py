"""Fixtures of the embedded PostgreSQL: servers that are removed after the test."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tenants.contrib.devserver import EmbeddedPostgres
from tenants.contrib.devserver.binaries import copy_programs, find_bindir
from tenants.contrib.devserver.directories import ServerDirectories
from tenants.contrib.devserver.system_user import SystemUser

NewServer = Callable[[Path], EmbeddedPostgres]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="what root does can be tried by root alone")


def ask(server: EmbeddedPostgres, query: str) -> Any:
    """Return the first value of the first row."""
    with connect(server) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def tell(server: EmbeddedPostgres, statement: str) -> None:
    """Execute a statement without a result, and commit."""
    with connect(server) as connection:
        connection.execute(statement)


def connect(server: EmbeddedPostgres) -> psycopg.Connection[Any]:
    """Connect to a running server."""
    dirs = server.directories
    assert dirs is not None
    return psycopg.connect(host=str(dirs.sockets), port=5432, user="postgres", dbname="postgres", autocommit=True)


def directories_of(server: EmbeddedPostgres) -> ServerDirectories:
    """Return the directories of a server that was started before."""
    dirs = server.directories
    assert dirs is not None
    return dirs


def postmaster_of(server: EmbeddedPostgres) -> int:
    """Return the process id in the server's pid file."""
    return int((directories_of(server).data / "postmaster.pid").read_text().splitlines()[0])


def processes_of(server: EmbeddedPostgres) -> list[int]:
    """Return the first process of a running server and its children."""
    return [postmaster_of(server), *ask(server, "SELECT array_agg(pid) FROM pg_stat_activity")]


def start_process(folder: Path, user: str = "", **kwargs: Any) -> subprocess.Popen[str]:
    """Start the server of `folder` in another process, and return when that process is ready to begin."""
    command = [sys.executable, "-m", "tests.tenants.contrib.devserver.process", str(folder), *filter(None, [user])]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, **kwargs)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def result_of(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return the address or the error that such a process printed."""
    with process:
        assert process.stdout is not None
        found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def discard(server: EmbeddedPostgres) -> None:
    """Stop the server, and delete its files outside its folder."""
    dirs = server.directories
    if dirs is None:
        return
    server.stop()
    for outside in {dirs.base, dirs.sockets} - {server.folder}:
        if server.folder not in outside.parents:
            shutil.rmtree(outside, ignore_errors=True)


@pytest.fixture
def new_server(open_folder: Path) -> Iterator[NewServer]:
    """A function that returns the server of a folder. The servers are discarded before the folder is deleted."""
    made: list[EmbeddedPostgres] = []

    def new_server(folder: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder))
        return made[-1]

    yield new_server
    for server in made:
        discard(server)


@pytest.fixture(scope="session")
def _shared() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="sangga-test-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "postgres")
        yield server
        discard(server)


@pytest.fixture
def running(_shared: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server that most tests share, because initdb takes nearly a second. Tests may stop or kill it."""
    _shared.start()
    return _shared


@pytest.fixture
def server(new_server: NewServer, open_folder: Path) -> EmbeddedPostgres:
    """A server of this test only, not started yet."""
    return new_server(open_folder / "postgres")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder with a short path that all users can enter, unlike pytest's `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="sangga-test-", dir="/tmp") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def stranger() -> SystemUser:
    """An ordinary user other than the one that runs root's server."""
    found = pwd.getpwnam("nobody")
    return SystemUser("nobody", found.pw_uid, found.pw_gid)


@pytest.fixture
def programs_for_all(stranger: SystemUser, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that all users can run, even if those of the tests are in root's home folder."""
    if os.geteuid() == 0 and not stranger.can_run(find_bindir() / "postgres"):
        monkeypatch.setenv("PG_BINDIR", str(copy_programs(find_bindir(), open_folder)))
