"""One server process and its data: is it there, make it, launch it, shut it down. Callers hold the folder's lock."""

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

from tenants.contrib.devserver.binaries import copy_programs, find_bindir, major_version
from tenants.contrib.devserver.directories import PORT, ServerDirectories
from tenants.contrib.devserver.locks import try_lock
from tenants.errors import DatabaseUnavailable

SUPERUSER = "postgres"
"""The user that we connect as, the only one there is at first.

It is a superuser without a password. Superuser, because Sangga makes databases, schemas and a role for every tenant,
and lays its rights down to theirs statement by statement. Without a password, because those who can enter the private
folder of the socket are the user that owns the data files, and root: a password would keep out nobody.
"""

SETTINGS = {
    # No network at all; and should the folder of the socket ever be opened, the socket itself still is not.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Several server processes, each with a pool, beside commands, tests and a psql.
    "max_connections": "200",
    # The catalogs of a thousand tenants, tens of tables each, are read over and over. Taken from the system when used.
    "shared_buffers": "256MB",
    # A transaction locks every table that it makes or changes; one that drops or dumps many schemas locks them all.
    "max_locks_per_transaction": "1024",
    # The same clock in the data and in the log, wherever the machine stands.
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Given at every start and not written to the data, so that what stands here is what runs, however old the data."""

_START_SECONDS = 120
"""Replaying what a crash left can take this long on a slow disk."""
_STOP_SECONDS = 180
_LEAVE_SECONDS = 60
"""What the children of a killed server have to end in, before somebody must look at them."""
_POLL_SECONDS = 0.01
_LOG_MAX = 10_000_000
"""Bytes; a longer log is put aside at the next start, over the one that was put aside before."""
_NO_PROCESS = "99999999"
"""Above the highest process id of the systems that PostgreSQL runs on."""
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that the programs get to see of our environment: it holds passwords, and PG… variables would redirect them."""


def answers(dirs: ServerDirectories) -> bool:
    """Return whether a server takes connections in these directories. Changes nothing."""
    if _read_pid_file(dirs)[-1].strip() != "ready" or not dirs.has_private_sockets():
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(dirs.sockets / f".s.PGSQL.{PORT}"))
        except BlockingIOError:
            return True  # the queue of those who want to connect is full
        except OSError:
            return False
    return True


def take(dirs: ServerDirectories, data_lock: IO[bytes]) -> bool:
    """Lock the data, by their open lock file, for what the caller starts next; return False if a server answers.

    The server and `initdb` inherit that lock, so it says what no process id can: whether anything, even what a kill
    left half-way, still works on the data. Ids are used again, belong to zombies, and differ between containers.
    """
    began = time.monotonic()
    while not answers(dirs):
        if try_lock(data_lock):
            return True
        is_coming_or_going = _read_pid_file(dirs)[-1].strip() != "ready"
        if time.monotonic() - began > (_START_SECONDS if is_coming_or_going else _LEAVE_SECONDS):
            pid = _read_pid_file(dirs)[0]
            raise DatabaseUnavailable(
                f"What is left of an earlier server works on {dirs.data}, but takes no connections in {dirs.sockets}. "
                f"Its first process was number {pid or 'unknown'}. Look for processes named 'postgres' "
                f"(`ps -fu {dirs.uid}`), end those that are its, and try again. Its log is {dirs.log}"
            )
        time.sleep(_POLL_SECONDS)
    return False


def launch(dirs: ServerDirectories, data_lock: IO[bytes]) -> None:
    """Start the server, and make its data before if there are none. `data_lock` is the lock taken with `take`."""
    _prepare_log(dirs)
    bindir = _programs_of(dirs)
    _make_data(dirs, bindir, data_lock)
    _forget_last_server(dirs)
    dirs.make_sockets()
    sockets = str(dirs.sockets).replace('"', '""')
    settings = SETTINGS | {"port": PORT, "unix_socket_directories": f'"{sockets}"'}
    options = shlex.join(f"--{name}={value}" for name, value in settings.items())
    # pg_ctl passes these through a shell without quoting them, so they are given such that no path is in them.
    names = ["-D", dirs.data.name, "-l", dirs.log.name, "-p", "postgres"]
    _run(dirs, data_lock, bindir, ["pg_ctl", "start", *names, "-w", "-t", str(_START_SECONDS), "-o", options])


def shut_down(dirs: ServerDirectories, data_lock: IO[bytes]) -> None:
    """Stop a server that answers, rolling open transactions back, and wait until its last process has ended."""
    # It may be going already, by another's hand.
    with suppress(ValueError, ProcessLookupError):
        os.kill(int(_read_pid_file(dirs)[0]), signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    while not try_lock(data_lock):
        if time.monotonic() > deadline:
            raise _unavailable(dirs, f"did not stop within {_STOP_SECONDS} seconds")
        time.sleep(_POLL_SECONDS)


def _read_pid_file(dirs: ServerDirectories) -> list[str]:
    """Return the lines of `postmaster.pid`: the first is the process, the last what it is doing."""
    try:
        return (dirs.data / "postmaster.pid").read_text(errors="replace").splitlines() or [""]
    except OSError:
        return [""]


def _prepare_log(dirs: ServerDirectories) -> None:
    if dirs.log.exists() and dirs.log.stat().st_size > _LOG_MAX:
        dirs.log.rename(dirs.log.with_suffix(".log.1"))
    dirs.log.touch(mode=0o600)
    dirs.give(dirs.log)


def _programs_of(dirs: ServerDirectories) -> Path:
    """Return the folder of programs that the user of the server can run: a copy if it cannot reach ours."""
    bindir = find_bindir()
    if dirs.user is None or dirs.user.can_run(bindir / "postgres"):
        return bindir
    return copy_programs(bindir, dirs.base)


def _make_data(dirs: ServerDirectories, bindir: Path, data_lock: IO[bytes]) -> None:
    version = major_version(bindir)
    if (dirs.data / "PG_VERSION").exists():
        made_by = (dirs.data / "PG_VERSION").read_text().strip()
        if made_by != str(version):
            raise DatabaseUnavailable(
                f"The data in {dirs.data} were made by PostgreSQL {made_by}, and the programs in {bindir} are version "
                f"{version}. Point PG_BINDIR at programs of version {made_by}, or begin anew in another folder."
            )
        return
    # Made beside its place and renamed: a killed initdb leaves nothing that looks like data.
    unfinished = dirs.base / "data.unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    dirs.give(unfinished)
    # PostgreSQL's own locale, where it has one (17 and later), sorts alike on every system.
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = builtin if version >= 17 else ["--locale=C.UTF-8"]
    who = [f"--username={SUPERUSER}", "--auth=trust", "--no-instructions"]
    _run(dirs, data_lock, bindir, ["initdb", "-D", unfinished.name, "--encoding=UTF8", *who, *locale])
    unfinished.rename(dirs.data)


def _forget_last_server(dirs: ServerDirectories) -> None:
    """Make PostgreSQL see that the last server, if it did not end well, is dead; that it is, our lock has shown.

    PostgreSQL itself asks only whether the process id is in use, and it may be, by another program or a zombie.
    The file stays, with an id that nobody has: from the rest of it PostgreSQL learns about shared memory in use.
    """
    left = dirs.data / "postmaster.pid"
    lines = _read_pid_file(dirs)
    if len(lines) > 1:
        # Root writes into a folder of another user, which must not lead it elsewhere by a link.
        with os.fdopen(os.open(left, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW), "w") as file:
            file.write("\n".join([_NO_PROCESS, *lines[1:], ""]))
    else:
        left.unlink(missing_ok=True)  # empty after a crash of the machine, and then PostgreSQL would not start
    if dirs.has_private_sockets():
        for dead in dirs.sockets.glob(".s.PGSQL.*"):
            dead.unlink()


def _run(dirs: ServerDirectories, data_lock: IO[bytes], bindir: Path, command: list[str]) -> None:
    """Run a program as the user of the server, in its place, and let it and its children hold the data's lock."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {"PATH": f"{bindir}{os.pathsep}{os.defpath}", "LC_ALL": "C"}
    with dirs.log.open("ab") as log:
        try:
            ended = subprocess.run(
                [str(bindir / command[0]), *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,  # a file and no pipe: a pipe stays open as long as the server runs
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
        + "\n\nMend the cause and try again, or set DATABASE_URL to a server of your own."
    )
