"""Circuit breaker: stops requests to an endpoint that keeps failing, and probes it again later."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from enum import Enum

FAILURES_TO_OPEN = 5
"""Failures within the window that open a breaker, if they are at least half of the requests in it."""
WINDOW = 10.0
"""Seconds over which requests are counted."""
MIN_OPEN_SECONDS, MAX_OPEN_SECONDS = 1.0, 30.0
"""How long a breaker stays open: doubled with each probe that fails."""


class BreakerState(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    """One request, the probe, is running; others are refused until it ends."""


class CircuitBreaker:
    """Counts outcomes of requests. Belongs to one event loop, so it has no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.state = BreakerState.CLOSED
        self._open_seconds = MIN_OPEN_SECONDS
        self._probe_at = 0.0
        self._reset_window(clock())

    def _reset_window(self, now: float) -> None:
        self._since, self._requests, self._failures = now, 0, 0

    def allows_request(self) -> bool:
        """Tell whether a request may be sent now. Changes nothing."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.OPEN and self.retry_after() <= 0)

    def retry_after(self) -> float:
        """Return the seconds until the next probe."""
        return max(0.0, self._probe_at - self._clock()) if self.state is BreakerState.OPEN else 0.0

    @property
    def is_idle(self) -> bool:
        """Whether it is as good as new: closed, without a recent failure."""
        return self.state is BreakerState.CLOSED and not self._failures

    def start_request(self) -> None:
        """Note that a request is sent; if the breaker is open, it is the probe."""
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN

    def record_success(self) -> None:
        if self.state is BreakerState.HALF_OPEN:
            self.close()
        self._count(failed=False)

    def record_failure(self) -> None:
        if self.state is BreakerState.HALF_OPEN:
            self._open(min(2 * self._open_seconds, MAX_OPEN_SECONDS))
        else:
            self._count(failed=True)
            if self.state is BreakerState.CLOSED and self._failures >= max(FAILURES_TO_OPEN, self._requests / 2):
                self._open(MIN_OPEN_SECONDS)

    def record_cancelled(self) -> None:
        """Note a request without outcome, because its client left for example."""
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.OPEN

    def close(self) -> None:
        self.state, self._open_seconds = BreakerState.CLOSED, MIN_OPEN_SECONDS
        self._reset_window(self._clock())

    def _count(self, *, failed: bool) -> None:
        now = self._clock()
        if now - self._since > WINDOW:
            self._reset_window(now)
        self._requests += 1
        self._failures += failed

    def _open(self, seconds: float) -> None:
        self.state, self._open_seconds = BreakerState.OPEN, seconds
        # Jitter keeps processes from probing at the same moment.
        self._probe_at = self._clock() + seconds * random.uniform(0.9, 1.1)  # noqa: S311  # no secret
