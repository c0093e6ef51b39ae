"""Where PostgreSQL's client programs are, such as psql and pg_dump: PATH, PG_BINDIR, or a folder that an app brings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

bundled_bindirs: list[Callable[[], Path | None]] = []
"""Functions that return a folder of programs, or None. An app adds its own; PG_BINDIR takes precedence over them."""


def installed_programs(name: str) -> Iterator[Path]:
    """Yield the paths of the program `name`: that in PATH, then that in PG_BINDIR or else in the bundled folders."""
    if found := shutil.which(name):
        yield Path(found)
    chosen = os.environ.get("PG_BINDIR")
    folders = [Path(chosen)] if chosen else [find_bindir() for find_bindir in bundled_bindirs]
    yield from (folder / name for folder in folders if folder and (folder / name).exists())
