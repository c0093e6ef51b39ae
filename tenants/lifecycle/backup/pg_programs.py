"""PostgreSQL's client programs `pg_dump` and `pg_restore`, run on the configured database."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any, cast

from django.db import connection
from psycopg import pq

from tenants.errors import ProgramFailed
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.programs import installed_programs

CHUNK = 1 << 20
"""Bytes that are held in memory at once."""


def find_program(name: str, *, at_least: int) -> Path:
    """Return the path of one of PostgreSQL's programs, of major version `at_least` or newer.

    The server's own where the engine brings a server, else an installed one. Raises `ProgramFailed` if none is new
    enough.
    """
    found = []
    for program in _candidates(name):
        version = major_version(program)
        if version >= at_least:
            return program
        found.append(f"{program} is version {version}")
    seen = f" ({'; '.join(found)})" if found else ""
    raise ProgramFailed(
        name,
        f"is needed in version {at_least} or newer, and is not there{seen}. Install PostgreSQL's client programs of "
        f"that version, or set PG_BINDIR to their folder.",
    )


def _candidates(name: str) -> Iterable[Path]:
    folder = cast(DatabaseWrapper, connection).bindir()
    return filter(Path.exists, [folder / name]) if folder else installed_programs(name)


def major_version(program: Path) -> int:
    """Return the major version of a PostgreSQL program, for example 18; 0 if unknown."""
    ended = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    said = re.search(r"\(PostgreSQL\) (\d+)", ended.stdout)
    return int(said[1]) if said else 0


def environment(params: Mapping[str, Any]) -> dict[str, str]:
    """Return libpq's connection parameters as environment variables.

    Other users of the machine can read a program's arguments, with a password in them, but not its environment.
    """
    variables = {
        option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar
    }
    return {variables[key]: str(value) for key, value in params.items() if key in variables and value is not None}


@contextmanager
def run_program(
    program: Path, *arguments: str, database: str = "", given: IO[bytes] | None = None
) -> Iterator[IO[bytes]]:
    """Run a program on the configured database, or on `database`, and open its output as a stream.

    The program reads `given`. If it fails, `ProgramFailed` is raised at the end of the block, or in place of an
    `EOFError` of the block. If the block raises anything else, the program is killed.
    """
    connect = environment(connection.get_connection_params() | ({"dbname": database} if database else {}))
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [str(program), *arguments],
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | connect,
        ) as process,
        _fed(process, given),
    ):
        output = cast("IO[bytes]", process.stdout)
        try:
            yield output
        except EOFError:
            _raise_if_failed(program, process, errors)
            raise
        except BaseException:
            process.kill()
            raise
        _raise_if_failed(program, process, errors)


@contextmanager
def _fed(process: subprocess.Popen[bytes], given: IO[bytes] | None) -> Iterator[None]:
    """Copy `given` to the program's input in a thread, because its output is read at the same time."""
    if given is None:
        yield
        return
    feeder = Thread(target=_feed, args=(given, process.stdin), daemon=True)
    feeder.start()
    try:
        yield
    finally:
        feeder.join()


def _feed(given: IO[bytes], program: IO[bytes]) -> None:
    with suppress(BrokenPipeError), program:  # the program has ended without reading all of it
        shutil.copyfileobj(given, program, CHUNK)


def _raise_if_failed(program: Path, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    cast("IO[bytes]", process.stdout).close()
    code = process.wait()
    if code:
        errors.seek(0)
        said = errors.read(CHUNK).decode(errors="replace").strip()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        raise ProgramFailed(program.name, f"{how}: {said or 'it printed no reason.'}")


def role_arguments() -> list[str]:
    """Return the arguments that make a program act as the owner of schemas and tables."""
    role = cast(DatabaseWrapper, connection).owner_role
    return ["--no-password", f"--role={role}"] if role else ["--no-password"]


def server_version() -> int:
    """Return the server's major version, for example 18."""
    return exact_server_version() // 10000


def exact_server_version() -> int:
    """Return `server_version_num`, for example 180004 for 18.4."""
    version: int = cast(DatabaseWrapper, connection).pg_version
    return version
