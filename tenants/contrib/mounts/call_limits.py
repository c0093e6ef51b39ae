"""Limits of calls to mounted applications: the time for a response, and concurrent calls of one tenant."""

from __future__ import annotations

import time
from collections import Counter
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TypeVar

from tenants.context import TenantInfo
from tenants.contrib.mounts.errors import MountTimedOut

T = TypeVar("T")

MAX_CALLS = 100
"""Concurrent calls of one tenant in a process, where its plan has no limit."""
CONCURRENCY_FACTOR, MIN_CALLS = 4, 8
"""The limit as a multiple of the plan's concurrency, and its minimum.

Calls that timed out count until the application ends them.
"""


class ResponseTimeout:
    """Limits how long an application may send nothing; every message restarts it."""

    def __init__(self, seconds: float, app: str, tenant: TenantInfo) -> None:
        self.seconds = seconds
        self._app, self._tenant = app, str(tenant)
        self._since = time.monotonic()
        self.waits_for_client = False
        """Whether the application waits for the request's body, so that it does not time out."""

    def restart(self) -> None:
        self._since = time.monotonic()

    def next_message(self, messages: SimpleQueue[T]) -> T:
        """Return the next message; raise `MountTimedOut` if none comes in time."""
        while True:
            left = self._since + self.seconds - time.monotonic()
            if self.waits_for_client:
                left = self.seconds
            if left <= 0:
                raise MountTimedOut(self._app, self._tenant, self.seconds)
            try:
                return messages.get(timeout=left)
            except Empty:
                continue


class RunningCalls:
    """Counts running calls by tenant. Safe to use from many threads.

    A thread cannot be stopped, so an application that hangs keeps its threads; this limits their number.
    """

    def __init__(self) -> None:
        # Guards the counts: calls begin and end on many threads.
        self._lock = Lock()
        self._counts: Counter[int] = Counter()

    def acquire(self, tenant: TenantInfo) -> bool:
        """Count one more call, or return False at the limit."""
        concurrency = tenant.limits.concurrency
        maximum = max(MIN_CALLS, CONCURRENCY_FACTOR * concurrency) if concurrency else MAX_CALLS
        with self._lock:
            if self._counts[tenant.id] >= maximum:
                return False
            self._counts[tenant.id] += 1
            return True

    def release(self, tenant: TenantInfo) -> None:
        with self._lock:
            self._counts[tenant.id] -= 1
            if self._counts[tenant.id] <= 0:
                del self._counts[tenant.id]

    def count(self, tenant: TenantInfo) -> int:
        with self._lock:
            return self._counts.get(tenant.id, 0)


running_calls = RunningCalls()
