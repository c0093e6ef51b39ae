"""File locks between processes; the kernel releases them when the last process that holds them ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tenants.errors import DatabaseUnavailable


def open_private(path: Path) -> IO[bytes]:
    """Open a file for appending; create it for its owner only, since a user who can read a file can lock it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode=0o600), "ab")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on the file `path` inside the `with` block; it excludes other threads of this process as well."""
    import fcntl  # missing on Windows, where this package can be imported but not used

    with open_private(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise DatabaseUnavailable(
                f"Locking {path} failed: {error.strerror}. Without locks two servers could write the same data. "
                f"Choose a folder on a local disk, or set DATABASE_URL."
            ) from error
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file; return False at once if another process has the lock.

    Child processes that inherit the descriptor hold the lock as well, until the last one ends.
    """
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
