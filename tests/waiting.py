"""Waiting for another thread, process or the server."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 180.0
"""Seconds that guard against hanging: nothing may fail because a machine is busy."""


def eventually(condition: Callable[[], object], *, seconds: float = PATIENCE) -> bool:
    """Return whether `condition` came true within `seconds`, as soon as it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
