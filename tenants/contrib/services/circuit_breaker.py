"""The circuit breaker of one address: after enough failures it is left alone, and asked again with one request."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from enum import Enum

OPENS_AFTER = 5
"""Failures within the window that open a breaker, if they are at least half of the requests in it."""
WINDOW = 10.0
"""Seconds over which requests are counted."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds for which an address is left alone: doubled each time the one request that asks again fails too."""


class State(Enum):
    """How a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"
    """One request is under way, and the others wait for what comes of it."""


class Breaker:
    """Counts what becomes of the requests to one address. Used on one event loop, so it has no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.state = State.CLOSED
        self._pause = FIRST_PAUSE
        self._opens_again = 0.0
        self._count_from(clock())

    def _count_from(self, now: float) -> None:
        self._since, self._requests, self._failures = now, 0, 0

    def lets_through(self) -> bool:
        """Tell whether a request may go to the address now; changes nothing."""
        return self.state is State.CLOSED or (self.state is State.OPEN and self.seconds_left() <= 0)

    def seconds_left(self) -> float:
        """Return how long the address is left alone yet."""
        return max(0.0, self._opens_again - self._clock()) if self.state is State.OPEN else 0.0

    @property
    def is_at_rest(self) -> bool:
        """Whether it is closed and has counted no failure of late, as a new one."""
        return self.state is State.CLOSED and not self._failures

    def begin(self) -> None:
        """A request goes to the address: the one that asks again, if the breaker is open."""
        if self.state is State.OPEN:
            self.state = State.TRYING

    def succeeded(self) -> None:
        """The address answered."""
        if self.state is State.TRYING:
            self.close()
        self._count(failed=False)

    def failed(self) -> None:
        """The address could not be reached, did not answer in time, or not as HTTP has it."""
        if self.state is State.TRYING:
            self._open(min(2 * self._pause, LONGEST_PAUSE))
        else:
            self._count(failed=True)
            if self.state is State.CLOSED and self._failures >= max(OPENS_AFTER, self._requests / 2):
                self._open(FIRST_PAUSE)

    def gave_up(self) -> None:
        """The request was called off, by its client for example: nobody knows how the address stands."""
        if self.state is State.TRYING:
            self.state = State.OPEN

    def close(self) -> None:
        """The address is well again."""
        self.state, self._pause = State.CLOSED, FIRST_PAUSE
        self._count_from(self._clock())

    def _count(self, *, failed: bool) -> None:
        now = self._clock()
        if now - self._since > WINDOW:
            self._count_from(now)
        self._requests += 1
        self._failures += failed

    def _open(self, pause: float) -> None:
        self.state, self._pause = State.OPEN, pause
        # A little apart, so that not every process asks again in the same moment.
        self._opens_again = self._clock() + pause * random.uniform(0.9, 1.1)  # noqa: S311  # no secret
