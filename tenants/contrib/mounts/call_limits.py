"""How long a request waits for a mounted application, and how many calls of one tenant's are under way at once."""

from __future__ import annotations

import time
from collections import Counter
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TypeVar

from tenants.context import TenantInfo
from tenants.contrib.mounts.errors import MountTimedOut

T = TypeVar("T")

MOST_CALLS = 100
"""Calls of the mounts of one tenant at once in a process, where its plan has no limit."""
TIMES, LEAST = 4, 8
"""How many times as many as the plan has requests at once, and how many at the least.

Calls that no request waits for any longer count as well, until the application has ended them.
"""


class Patience:
    """Waits for what an application sends next, `seconds` since the last thing that went back or forth."""

    def __init__(self, seconds: float, app: str, tenant: TenantInfo) -> None:
        self.seconds = seconds
        self._app, self._tenant = app, str(tenant)
        self._since = time.monotonic()
        self.waits_for_client = False
        """Whether it is not the application that is slow, but who sends it a body."""

    def begin(self) -> None:
        """Let the time begin again."""
        self._since = time.monotonic()

    def next_of(self, messages: SimpleQueue[T]) -> T:
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


class Calls:
    """Counts the calls of mounts under way, tenant by tenant. Safe to use from many threads.

    Nothing stops a thread, so an application that hangs keeps those that have called it; here they have an end.
    """

    def __init__(self) -> None:
        # Guards the counts: calls begin and end on many threads.
        self._lock = Lock()
        self._under_way: Counter[int] = Counter()

    def begin(self, tenant: TenantInfo) -> bool:
        """Count one call more; return False where there are as many as there may be."""
        concurrency = tenant.limits.concurrency
        most = max(LEAST, TIMES * concurrency) if concurrency else MOST_CALLS
        with self._lock:
            if self._under_way[tenant.id] >= most:
                return False
            self._under_way[tenant.id] += 1
            return True

    def end(self, tenant: TenantInfo) -> None:
        """Count one call less."""
        with self._lock:
            self._under_way[tenant.id] -= 1
            if self._under_way[tenant.id] <= 0:
                del self._under_way[tenant.id]

    def of(self, tenant: TenantInfo) -> int:
        """Return how many are under way."""
        with self._lock:
            return self._under_way.get(tenant.id, 0)


calls = Calls()
