"""Time limits of many requests at once, kept by one timer.

As `asyncio.timeout_at`, which sets a timer of the event loop for each: that took a tenth of all the time of a request
through the gateway. Here they are looked through now and then, so one may be a moment late.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

TICK = 0.05
"""Seconds by which a limit may be late."""


class TimeLimit:
    """Raises `TimeoutError` in its `with` block once it is `until`; that may be changed meanwhile."""

    __slots__ = ("_cancelling", "_is_over", "_limits", "_task", "until")

    def __init__(self, limits: TimeLimits, until: float) -> None:
        self._limits = limits
        self.until = until
        """By the loop's clock."""
        self._is_over = False

    def __enter__(self) -> TimeLimit:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A time limit is one of a task.")
        self._task, self._cancelling = task, task.cancelling()
        self._limits.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._limits.discard(self)
        # A task that is cancelled for another reason as well stays so.
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """The time is up: stop the task, wherever in the block it waits."""
        self._is_over = True
        self._task.cancel()


class TimeLimits:
    """Looks after the limits of one event loop, as long as there are any."""

    def __init__(self) -> None:
        self._running: set[TimeLimit] = set()
        self._is_looking = False

    def until(self, moment: float) -> TimeLimit:
        """Return a limit for a `with` block; `moment` is by the loop's clock."""
        return TimeLimit(self, moment)

    def add(self, limit: TimeLimit) -> None:
        """Look after a limit too."""
        self._running.add(limit)
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(TICK, self._look)

    def discard(self, limit: TimeLimit) -> None:
        """Look after it no more."""
        self._running.discard(limit)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for limit in [limit for limit in self._running if limit.until <= now]:
            self._running.discard(limit)
            limit.end()
        self._is_looking = bool(self._running)
        if self._is_looking:
            loop.call_later(TICK, self._look)
