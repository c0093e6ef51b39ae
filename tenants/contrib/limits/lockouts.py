"""Client addresses that are locked out of signing in, remembered for some seconds in this process.

django-axes asks the tenant's tables at each attempt, after sessions and forms. An address that tries again is
refused from memory instead, before its request is received.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

REMEMBERED_SECONDS = 10.0
"""How long a lockout holds in memory. One that an operator has lifted holds that long, too."""
_MOST = 10_000


class Attempt(NamedTuple):
    """Where an address signs in. The epoch is part of it: a new one invalidates what was remembered of the tenant."""

    tenant_id: int
    epoch: str
    address: str
    path: str


class Lockouts:
    """Refused attempts, and for how long. Safe to use from many threads: each step is one of a dictionary."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: dict[Attempt, tuple[float, int]] = {}

    def remember(self, attempt: Attempt, retry_after: int) -> None:
        """Have the same attempt refused for `REMEMBERED_SECONDS`, with the same Retry-After."""
        if len(self._refused) >= _MOST:
            self._refused.clear()
        self._refused[attempt] = (self._clock() + REMEMBERED_SECONDS, retry_after)

    def retry_after(self, attempt: Attempt) -> int:
        """Return the Retry-After of a remembered attempt; 0: none is remembered."""
        until, seconds = self._refused.get(attempt, (0.0, 0))
        return seconds if self._clock() < until else 0

    def clear(self) -> None:
        """Forget all. For tests."""
        self._refused.clear()


lockouts = Lockouts()
