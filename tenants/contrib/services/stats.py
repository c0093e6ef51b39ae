"""Request statistics of a service: statuses and durations, in total and over the last minute."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram's buckets, in seconds; one more bucket has no bound."""
RECENT_SECONDS = 60


def _buckets() -> list[int]:
    return [0] * (len(BOUNDS) + 1)


@dataclass(slots=True)
class _Second:
    number: int = -1
    requests: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=_buckets)


class RequestStats:
    """Counts requests. Belongs to one event loop, so it has no lock; other threads may read it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.statuses: dict[int, int] = {}
        """Number of responses by status."""
        self.buckets = _buckets()
        self.seconds = 0.0
        self._ring = [_Second() for _ in range(RECENT_SECONDS)]

    def record(self, status: int, seconds: float) -> None:
        """Count one request."""
        bucket = bisect_left(BOUNDS, seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buckets[bucket] += 1
        self.seconds += seconds
        now = int(self._clock())
        cell = self._ring[now % RECENT_SECONDS]
        if cell.number != now:
            cell.number, cell.requests, cell.errors, cell.buckets = now, 0, 0, _buckets()
        cell.requests += 1
        cell.errors += status >= 500
        cell.buckets[bucket] += 1

    def recent(self) -> dict[str, Any]:
        """Return the counts of the last minute as JSON data."""
        now = int(self._clock())
        cells = [cell for cell in self._ring if now - RECENT_SECONDS < cell.number <= now]
        buckets = [sum(column) for column in zip(*(cell.buckets for cell in cells), strict=True)]
        last = [cell for cell in cells if now - 10 <= cell.number < now]
        return {
            "requests": sum(cell.requests for cell in cells),
            "errors": sum(cell.errors for cell in cells),
            "rate": sum(cell.requests for cell in last) / 10,
            "buckets": buckets or _buckets(),
        }


def quantile(buckets: list[int], share: float) -> float | None:
    """Return the smallest bound that at least `share` of the durations stay below; None without durations."""
    wanted = share * sum(buckets)
    if not wanted:
        return None
    seen = 0
    for count, bound in zip(buckets, (*BOUNDS, float("inf")), strict=True):
        seen += count
        if seen >= wanted:
            return bound
    return float("inf")
