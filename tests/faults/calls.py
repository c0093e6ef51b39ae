"""Make the k-th Python call fail, among calls of this project's functions between statements."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = str(Path(__file__).resolve().parents[2])
_WHERE = tuple(f"{ROOT}/{folder}/" for folder in ("tenants", "shop"))
_INSIDE_PSYCOPG = "tenants/postgresql/psycopg_connection.py"
"""Functions that psycopg calls during its work."""
_CLEANUP = frozenset({"__exit__", "__aexit__", "leave", "close", "_close", "_rollback", "run_on_commit", "pool"})
"""Functions that clean up, in which no error is injected. Closing a connection asks for its `pool`."""


class InjectedError(Exception):
    """The injected error of a call."""


class Calls:
    """Counts calls of this project's functions, and makes one of them fail at its start."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.made = 0
        self.failed = ""

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """Callback for `sys.setprofile`."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(_WHERE) or code.co_filename.endswith(_INSIDE_PSYCOPG):
            return
        if code.co_name in _CLEANUP:
            return
        if code.co_flags & 0x20 or sys.exc_info()[0] is not None:  # a resumed generator, or error handling
            return
        self.made += 1
        if self.made - 1 == self.at:
            self.failed = f"{Path(code.co_filename).relative_to(ROOT)}:{code.co_name}"
            raise InjectedError(f"{self.failed} was told to fail")


@contextmanager
def watched(calls: Calls) -> Iterator[Calls]:
    """Count, and inject the fault, inside the block, on this thread and on threads started in it."""
    threading.setprofile(calls.profile)
    sys.setprofile(calls.profile)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
