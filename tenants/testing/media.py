"""Folder for uploaded files in Django's test runner: test schemas have the names of real ones."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_VARIABLE = "TENANTS_TEST_MEDIA"


def create_folder() -> None:
    """Create a temporary folder that is removed when the process ends."""
    # Before `--parallel` starts processes, which inherit the variable and are killed in the end.
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = folder = tempfile.mkdtemp(prefix="tenants-test-media-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def folder_of(database: str) -> str:
    """Return the folder of a test database; each process of `--parallel` has its own."""
    create_folder()
    return str(Path(os.environ[_VARIABLE], database))
