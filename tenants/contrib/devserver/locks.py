"""Locks between processes that no crash leaves behind: the kernel frees them with the last process that holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tenants.errors import DatabaseUnavailable


def open_private(path: Path) -> IO[bytes]:
    """Open a file for appending, and make it for its owner alone: whoever can read a file can hold its lock."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode=0o600), "ab")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock on the file `path`, which is made if need be, and hold it inside the `with` block.

    Each call opens the file anew, so that it keeps the threads of one process apart as well.
    """
    import fcntl  # not on Windows, where this package is imported but cannot be used

    with open_private(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The file system of {path.parent} has no locks ({error.strerror}), without which two servers could "
                f"write the same data. Choose a folder on a local disk, or set DATABASE_URL."
            ) from error
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Take the lock on an open file; return False, at once, if somebody else has it.

    A child process that inherits the descriptor holds the lock as well, until the last of them has ended.
    """
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
