"""Time limits of many requests at once, kept by one timer.

As `asyncio.timeout_at`, which sets a timer of the event loop for each: that took a tenth of all the time of a request
through the gateway. Here they are looked through now and then, so one may be a moment late.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

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
        self._task = self._limits.add(self)
        self._cancelling = self._task.cancelling()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._limits.discard(self)
        # A task that is cancelled for another reason as well stays so.
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def put_off(self, seconds: float) -> None:
        """Let the time begin anew: so many seconds from now."""
        self.until = self._limits.now() + seconds

    def end(self) -> None:
        """The time is up: stop the task, wherever in the block it waits."""
        self._is_over = True
        self._task.cancel()


class TimeLimits:
    """Looks after the limits of one event loop, as long as there are any."""

    def __init__(self) -> None:
        # Asked for once: each time it takes a system call.
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._running: set[TimeLimit] = set()
        self._is_looking = False

    def until(self, moment: float) -> TimeLimit:
        """Return a limit for a `with` block; `moment` is by the loop's clock, as `now` tells it."""
        return TimeLimit(self, moment)

    def add(self, limit: TimeLimit) -> asyncio.Task[Any]:
        """Look after a limit of the task at hand too, and return that task."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("A time limit is one of a task.")
        self._running.add(limit)
        if not self._is_looking:
            self._is_looking = True
            self._loop.call_later(TICK, self._look)
        return task

    def discard(self, limit: TimeLimit) -> None:
        """Look after it no more."""
        self._running.discard(limit)

    def _look(self) -> None:
        now = self.now()
        for limit in [limit for limit in self._running if limit.until <= now]:
            self._running.discard(limit)
            limit.end()
        self._is_looking = bool(self._running)
        if self._is_looking:
            self._loop.call_later(TICK, self._look)
