"""How many requests may be sent a second time: a share of all, so that retries never double the load of a service."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.2
"""Retries for each request, in the long run."""
AT_LEAST = 3.0
"""Retries a second that are allowed whatever the load."""
KEPT = 100.0
"""The most that is saved up in quiet times."""

IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
"""Methods that do the same when they are done twice (RFC 9110 §9.2.2)."""


class RetryBudget:
    """Saves up a share of the requests to one service. Used on one event loop, so it has no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._saved = KEPT / 10
        self._at = clock()

    def note_request(self) -> None:
        """A request was made: put its share aside."""
        self._saved = min(KEPT, self._saved + SHARE)

    def take(self) -> bool:
        """Take what one retry costs, and return whether there was enough."""
        now = self._clock()
        self._saved = min(KEPT, self._saved + (now - self._at) * AT_LEAST)
        self._at = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
