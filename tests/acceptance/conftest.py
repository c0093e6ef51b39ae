"""Fixtures for third-party projects: a database for one, and commands in a copy of it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.foreign import Run, RunInCopy, a_session
from tests.acceptance.test_worker import database_url

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(committed: None) -> Iterator[str]:
    """Yield an empty database, whose name begins the names of everything that the project creates on the server."""
    name = f"kit_{secrets.token_hex(4)}"
    with a_session() as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        yield name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def run_in_copy(database: str, tmp_path: Path) -> RunInCopy:
    """Return a function that copies a project in `tests/`, and returns one that runs a command there.

    The variable `media_variable` is the path of the empty folder `media`.
    """

    def copied(name: str, media_variable: str) -> Run:
        project, media = tmp_path / "project", tmp_path / "media"
        shutil.copytree(ROOT / "tests" / name, project, ignore=shutil.ignore_patterns("__pycache__"))
        media.mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO", "SANGGA"))}
        known = {"DATABASE_URL": database_url(database), "PYTHONPATH": str(ROOT), media_variable: str(media)}

        def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, *words],
                cwd=project,
                env={**kept, **known, **environment},
                capture_output=True,
                text=True,
                timeout=280,
            )

        return command

    return copied
