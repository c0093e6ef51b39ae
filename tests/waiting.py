"""Waiting for another thread, process or the server."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 180.0
"""Timeout in seconds against hanging; long, because no test may fail on a busy machine."""


def eventually(condition: Callable[[], object], *, seconds: float = PATIENCE) -> bool:
    """Return True as soon as `condition` is true, or False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
