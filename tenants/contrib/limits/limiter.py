"""Per-process limits on request rate and concurrency, for each tenant or client address.

A noisy tenant waits or is rejected before it takes the threads and connections that other tenants need.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from threading import RLock
from weakref import finalize

from django.http.response import HttpResponseBase

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.counters import LimitKind
from tenants.limits import Limits

QUEUE_SECONDS = 5.0
"""How long a request waits in the queue for a slot before it is rejected."""


class ProcessLimit(Enum):
    """A limit of this process that no plan names."""

    ADDRESS = "address"
    """Too many concurrent requests from one client address."""
    HASHING = "hashing"
    """Too many passwords being checked at once."""
    BODIES = "bodies"
    """Too many request bodies being received at once."""
    FILES = "files"
    """Too many large files being sent at once."""
    LOCKED_OUT = "locked-out"
    """Too many failed logins from the client address."""
    TOO_SLOW = "slow-body"
    """The body was not received within its deadline."""
    TOO_LARGE = "large-body"
    """The body exceeds the maximum size."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request beyond a limit."""

    kind: LimitKind | ProcessLimit
    seconds: int
    """For the header Retry-After."""


@dataclass(frozen=True, slots=True)
class FullLimit:
    """A limit on concurrency without a free slot."""

    kind: str
    maximum: int


class Slot:
    """One request's share of a concurrency limit. Releasing it twice does nothing."""

    __slots__ = ("__weakref__", "_give_back")

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def release(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.release()

    def release_with(self, response: HttpResponseBase) -> None:
        """Release the slot when the response is done: a streamed one when it is closed, or discarded unsent."""
        # The server sends a file; the application has nothing more to do for it.
        if not response.streaming or getattr(response, "file_to_stream", None) is not None:
            self.release()
            return
        self.release_at_end_of(response)

    def release_at_end_of(self, response: HttpResponseBase) -> None:
        """Release the slot when the response is closed, or discarded unsent."""
        response._resource_closers.append(self.release)  # type: ignore[attr-defined]
        finalize(response, self.release)


@dataclass(slots=True)
class _Bucket:
    """Token bucket, running requests and queue of one key."""

    tokens: float
    at: float
    """When `tokens` was computed, in seconds of the clock."""
    running: int = 0
    queue: deque[Waiter] = field(default_factory=deque)


class Waiter:
    """A request that waits for a slot. The caller registers a callback, waits, and then reads the outcome."""

    def __init__(self, limiter: RequestLimiter, bucket: _Bucket, held: Slot | None) -> None:
        self._limiter = limiter
        self._bucket = bucket
        self._held = held
        self._wake: Callable[[], object] = lambda: None
        self._has_slot = False

    def wake_by(self, wake: Callable[[], object]) -> None:
        """Have `wake` called, from any thread, as soon as a slot is free; at once if one is."""
        with self._limiter.lock:
            self._wake = wake
            has_slot = self._has_slot
        if has_slot:
            wake()

    def outcome(self) -> Slot | Rejection:
        """Return the slot that became free, or leave the queue and return a rejection."""
        with self._limiter.lock:
            has_slot = self._has_slot
            if not has_slot:
                self._bucket.queue.remove(self)
                self._limiter.waiting -= 1
        if has_slot:
            return self._limiter.slot_in(self._bucket, self._held)
        if self._held is not None:
            self._held.release()
        return Rejection(LimitKind.CONCURRENCY, ceil(QUEUE_SECONDS))

    def cancel(self) -> None:
        """Leave the queue, or release the slot that became free."""
        if isinstance(slot := self.outcome(), Slot):
            slot.release()

    def grant(self) -> Callable[[], object]:
        """Give it a released slot, with the lock held; return the callback that wakes it."""
        self._has_slot = True
        return self._wake


class RequestLimiter:
    """Counts the requests of each key. Thread-safe; it never blocks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_waiting: Callable[[], int] = lambda: 0) -> None:
        self._clock = clock
        self._max_waiting = max_waiting
        """Maximum of waiters in all queues: each holds a thread of the server. 0: no limit."""
        self.waiting = 0
        # Guards the buckets: requests of one tenant come and go on many threads. Reentrant: the garbage collector may
        # run a response's `finalize` on the thread that holds it.
        self.lock = RLock()
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def acquire(self, tenant: TenantInfo, limits: Limits | None = None) -> Slot | Waiter | Rejection:
        """Return a slot for a request of `tenant`, which the caller must release; or a waiter, or a rejection.

        `limits`: the tenant's by default.
        """
        return self.acquire_as(tenant.id, limits or tenant.limits)

    def acquire_as(self, key: Hashable, limits: Limits, held: Slot | None = None) -> Slot | Waiter | Rejection:
        """Return a slot, a waiter or a rejection for a request of `key`, such as a client address.

        `held`: a slot that the request has already. It is released with the new one, or at a rejection.
        """
        if not limits.rate and not limits.concurrency:
            return held or Slot(lambda: None)
        with self.lock:
            bucket = self._bucket_of(key, limits)
            is_full = bool(limits.concurrency) and bucket.running >= limits.concurrency
            rejection = self._rejection(bucket, limits, is_full=is_full)
            if rejection is None:
                if limits.rate:
                    bucket.tokens -= 1
                if is_full:
                    bucket.queue.append(queued := Waiter(self, bucket, held))
                    self.waiting += 1
                    return queued
                bucket.running += 1
        if rejection is None:
            return self.slot_in(bucket, held)
        if held is not None:
            held.release()
        return rejection

    def acquire_all(self, maxima: Mapping[tuple[str, object], int]) -> Slot | FullLimit:
        """Return one slot for all keys `(kind, value)`, each with its maximum (0: none), or the first full limit."""
        with ExitStack() as slots:
            for key, maximum in maxima.items():
                slot = self.acquire_as(key, Limits(concurrency=maximum))
                if not isinstance(slot, Slot):
                    return FullLimit(key[0], maximum)
                slots.callback(slot.release)
            return Slot(slots.pop_all().close)

    def rejection_now(self, key: Hashable, limits: Limits) -> Rejection | None:
        """Return the rejection that `acquire_as` would return now, or None. Nothing is counted."""
        if not limits.rate and not limits.concurrency:
            return None
        with self.lock:
            bucket = self._bucket_of(key, limits)
            is_full = bool(limits.concurrency) and bucket.running >= limits.concurrency
            return self._rejection(bucket, limits, is_full=is_full)

    def _rejection(self, bucket: _Bucket, limits: Limits, *, is_full: bool) -> Rejection | None:
        if is_full and (len(bucket.queue) >= limits.queue or self._is_crowded()):
            return Rejection(LimitKind.CONCURRENCY, 1)
        if limits.rate and bucket.tokens < 1:
            return Rejection(LimitKind.RATE, ceil((1 - bucket.tokens) / limits.rate))
        return None

    def _is_crowded(self) -> bool:
        maximum = self._max_waiting()
        return bool(maximum) and self.waiting >= maximum

    def slot_in(self, bucket: _Bucket, held: Slot | None) -> Slot:
        """Return a slot that `bucket` already counts as running; releasing it releases `held`, too."""
        return Slot(lambda: self._release(bucket, held))

    def _release(self, bucket: _Bucket, held: Slot | None) -> None:
        if held is not None:
            held.release()
        with self.lock:
            if not bucket.queue:
                bucket.running -= 1
                return
            wake = bucket.queue.popleft().grant()
            self.waiting -= 1
        wake()

    def _bucket_of(self, key: Hashable, limits: Limits) -> _Bucket:
        """Return the bucket of a key with its tokens as of now."""
        now, burst = self._clock(), max(limits.rate, limits.burst)
        bucket = self._buckets.get(key)
        if bucket is None:
            self._evict()
            bucket = self._buckets[key] = _Bucket(tokens=burst, at=now)
        self._buckets.move_to_end(key)
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * limits.rate)
        bucket.at = now
        return bucket

    def _evict(self) -> None:
        """Keep at most as many buckets as the registry caches tenants; those with running requests stay."""
        if len(self._buckets) >= tenancy().registry_size:
            idle = next((key for key, bucket in self._buckets.items() if not bucket.running), None)
            if idle is not None:
                del self._buckets[idle]

    def clear(self) -> None:
        """Reset all counts; slots in use are no longer counted. For tests."""
        with self.lock:
            self._buckets.clear()
            self.waiting = 0

    def __len__(self) -> int:
        return len(self._buckets)


limiter = RequestLimiter(max_waiting=lambda: limit_settings().max_waiting_requests)
"""Limiter of tenants and the platform."""
addresses = RequestLimiter()
"""Limiter of client addresses, over all tenants."""
