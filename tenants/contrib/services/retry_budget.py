"""Retry budget: limits retries to a share of all requests, so that they never double the load of a service."""

from __future__ import annotations

import time
from collections.abc import Callable

RETRY_RATIO = 0.2
"""Retries per request, in the long run."""
MIN_RETRIES_PER_SECOND = 3.0
MAX_BALANCE = 100.0
"""Retries that can be saved up."""

IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
"""Methods that have the same effect when a request is sent twice (RFC 9110 §9.2.2)."""


class RetryBudget:
    """Budget of one service. Belongs to one event loop, so it has no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._balance = MAX_BALANCE / 10
        self._updated_at = clock()

    def deposit(self) -> None:
        """Add the share of one request."""
        self._balance = min(MAX_BALANCE, self._balance + RETRY_RATIO)

    def withdraw(self) -> bool:
        """Take one retry; return whether the balance allowed it."""
        now = self._clock()
        self._balance = min(MAX_BALANCE, self._balance + (now - self._updated_at) * MIN_RETRIES_PER_SECOND)
        self._updated_at = now
        if self._balance < 1:
            return False
        self._balance -= 1
        return True
