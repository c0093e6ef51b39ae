"""Server process and its data: status, `initdb`, start and stop. Callers hold the lock of the folder."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from tenants.contrib.devserver.binaries import copy_programs, find_bindir, postgres_version
from tenants.contrib.devserver.directories import PORT, ServerDirectories
from tenants.contrib.devserver.locks import try_lock
from tenants.errors import DatabaseUnavailable

SUPERUSER = "postgres"
"""The database user of the project, a superuser without a password.

Superuser, because Sangga creates databases, schemas and a role for each tenant, and drops its rights for each
statement. Without a password, because only the owner of the data files and root can enter the folder of the socket.
"""

SETTINGS = {
    # No network. The socket itself is private too, in case the permissions of its folder are changed.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Several processes with a pool each, and commands, tests and psql.
    "max_connections": "200",
    # For the catalogs of a thousand tenants with tens of tables each. The system allocates it when it is used.
    "shared_buffers": "256MB",
    # A transaction that drops or dumps schemas locks all of their tables.
    "max_locks_per_transaction": "1024",
    # The same time zone in data and log on every machine.
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Passed at each start and not stored with the data, so that they apply to older data as well."""

_START_SECONDS = 120
"""Recovery after a crash can take this long on a slow disk."""
_STOP_SECONDS = 180
_LEAVE_SECONDS = 60
"""Time for the children of a killed server to end. After that, the start fails."""
_POLL_SECONDS = 0.01
_LOG_MAX = 10_000_000
"""Bytes. The next start renames a longer log to `postgres.log.1`."""
_NO_PROCESS = "99999999"
"""Higher than any process id."""
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The variables that the programs inherit. Others hold passwords, and PG… variables would change the connection."""


def answers(dirs: ServerDirectories) -> bool:
    """Return whether a server accepts connections in these directories."""
    if _read_pid_file(dirs)[-1].strip() != "ready" or not dirs.has_private_sockets():
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(dirs.sockets / f".s.PGSQL.{PORT}"))
        except BlockingIOError:
            return True  # the listen queue is full
        except OSError:
            return False
    return True


def acquire_data(dirs: ServerDirectories, data_lock: IO[bytes]) -> bool:
    """Lock the data for the programs that the caller starts next; return False if a server answers.

    The server and `initdb` inherit the lock. So it tells whether any process still uses the data, even after a kill.
    A process id cannot tell: ids are used again, belong to zombies, and differ between containers.
    """
    began = time.monotonic()
    while not answers(dirs):
        if try_lock(data_lock):
            return True
        is_starting_or_stopping = _read_pid_file(dirs)[-1].strip() != "ready"
        if time.monotonic() - began > (_START_SECONDS if is_starting_or_stopping else _LEAVE_SECONDS):
            pid = _read_pid_file(dirs)[0]
            raise DatabaseUnavailable(
                f"Processes of an earlier server use {dirs.data}, but accept no connections in {dirs.sockets}. The "
                f"first one was number {pid or 'unknown'}. Find them (`ps -fu {dirs.uid}`, named 'postgres'), end "
                f"them, and try again. The log is {dirs.log}"
            )
        time.sleep(_POLL_SECONDS)
    return False


def launch(dirs: ServerDirectories, data_lock: IO[bytes]) -> None:
    """Start the server; create its data if there are none. `data_lock` is the lock of `acquire_data`."""
    _prepare_log(dirs)
    bindir = _programs_of(dirs)
    _make_data(dirs, bindir, data_lock)
    _forget_last_server(dirs)
    dirs.make_sockets()
    sockets = str(dirs.sockets).replace('"', '""')
    settings = SETTINGS | {"port": PORT, "unix_socket_directories": f'"{sockets}"'}
    options = shlex.join(f"--{name}={value}" for name, value in settings.items())
    # pg_ctl passes these to a shell without quotes, so they contain no path.
    names = ["-D", dirs.data.name, "-l", dirs.log.name, "-p", "postgres"]
    _run(dirs, data_lock, bindir, ["pg_ctl", "start", *names, "-w", "-t", str(_START_SECONDS), "-o", options])


def shut_down(dirs: ServerDirectories, data_lock: IO[bytes]) -> None:
    """Stop a server that answers, roll back open transactions, and wait until its last process has ended."""
    # Another process may be stopping it.
    with suppress(ValueError, ProcessLookupError):
        os.kill(int(_read_pid_file(dirs)[0]), signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    while not try_lock(data_lock):
        if time.monotonic() > deadline:
            raise _unavailable(dirs, f"did not stop within {_STOP_SECONDS} seconds")
        time.sleep(_POLL_SECONDS)


def _read_pid_file(dirs: ServerDirectories) -> list[str]:
    """Return the lines of `postmaster.pid`: the first is the process id, the last the server's status."""
    try:
        return (dirs.data / "postmaster.pid").read_text(errors="replace").splitlines() or [""]
    except OSError:
        return [""]


def _prepare_log(dirs: ServerDirectories) -> None:
    if dirs.log.exists() and dirs.log.stat().st_size > _LOG_MAX:
        dirs.log.rename(dirs.log.with_suffix(".log.1"))
    dirs.log.touch(mode=0o600)
    dirs.chown(dirs.log)


def _programs_of(dirs: ServerDirectories) -> Path:
    """Return a folder of programs that the server's user can run: a copy if it cannot read ours."""
    bindir = find_bindir()
    if dirs.user is None or dirs.user.can_run(bindir / "postgres"):
        return bindir
    return copy_programs(bindir, dirs.base)


def _make_data(dirs: ServerDirectories, bindir: Path, data_lock: IO[bytes]) -> None:
    version = postgres_version(bindir)
    if (dirs.data / "PG_VERSION").exists():
        made_by = (dirs.data / "PG_VERSION").read_text().strip()
        if made_by != str(version):
            raise DatabaseUnavailable(
                f"The data in {dirs.data} were made by PostgreSQL {made_by}, and the programs in {bindir} are version "
                f"{version}. Set PG_BINDIR to programs of version {made_by}, or choose another folder."
            )
        return
    # Renamed when complete, so that a killed initdb leaves no folder that looks like data.
    unfinished = dirs.base / "data.unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    dirs.chown(unfinished)
    # The builtin locale of PostgreSQL 17 and later sorts in the same way on every system.
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = builtin if version >= 17 else ["--locale=C.UTF-8"]
    who = [f"--username={SUPERUSER}", "--auth=trust", "--no-instructions"]
    _run(dirs, data_lock, bindir, ["initdb", "-D", unfinished.name, "--encoding=UTF8", *who, *locale])
    unfinished.rename(dirs.data)


def _forget_last_server(dirs: ServerDirectories) -> None:
    """Replace the process id that a killed server left in `postmaster.pid`; our lock proves that the server is dead.

    PostgreSQL only checks whether the id is in use, which may be by another program or a zombie. The file stays,
    because PostgreSQL learns from its other lines about shared memory in use.
    """
    left = dirs.data / "postmaster.pid"
    lines = _read_pid_file(dirs)
    if len(lines) > 1:
        # Root writes into a folder of another user, so it must not follow a link there.
        with os.fdopen(os.open(left, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW), "w") as file:
            file.write("\n".join([_NO_PROCESS, *lines[1:], ""]))
    else:
        left.unlink(
            missing_ok=True
        )  # PostgreSQL does not start with an empty file, which a crash of the machine leaves
    if dirs.has_private_sockets():
        for dead in dirs.sockets.glob(".s.PGSQL.*"):
            dead.unlink()


def _run(dirs: ServerDirectories, data_lock: IO[bytes], bindir: Path, command: list[str]) -> None:
    """Run a program as the server's user; it and its children inherit the lock on the data."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {"PATH": f"{bindir}{os.pathsep}{os.defpath}", "LC_ALL": "C"}
    with dirs.log.open("ab") as log:
        try:
            ended = subprocess.run(
                [str(bindir / command[0]), *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,  # not a pipe, which would stay open as long as the server runs
                stderr=log,
                cwd=dirs.base,
                env=environment,
                pass_fds=[data_lock.fileno()],
                check=False,
                **(dirs.user.identity if dirs.user else {}),
            )
        except OSError as error:
            raise _unavailable(dirs, f"could not be started: {bindir / command[0]}: {error.strerror}") from error
    if ended.returncode:
        raise _unavailable(dirs, f"could not be started: {command[0]} ended with {ended.returncode}")


def _unavailable(dirs: ServerDirectories, what: str) -> DatabaseUnavailable:
    lines = dirs.log.read_text(errors="replace").splitlines()[-20:]
    return DatabaseUnavailable(
        f"The embedded PostgreSQL in {dirs.base} {what}. The end of its log, {dirs.log}:\n\n"
        + "\n".join(f"    {line}" for line in lines)
        + "\n\nRemove the cause and try again, or set DATABASE_URL to another server."
    )
