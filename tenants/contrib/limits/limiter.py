"""The turnstile in front of every tenant: so many requests a second, and so many at once, in this process.

One noisy tenant then waits for itself, or is refused, before it has the threads and connections that others need.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from threading import RLock
from weakref import finalize

from django.http.response import HttpResponseBase

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.limits.conf import limit_settings
from tenants.contrib.limits.counters import Kind
from tenants.limits import Limits

QUEUE_SECONDS = 5.0
"""How long a request waits in line for its place before it is refused."""


class Bound(Enum):
    """A limit of this process that no plan names."""

    ADDRESS = "address"
    """One client address has as many requests running as it may."""
    HASHING = "hashing"
    """As many passwords are being checked as may be at once."""
    BODIES = "bodies"
    """As many request bodies are being received as may be at once."""
    FILES = "files"
    """As many large files are being sent as may be at once."""
    LOCKED_OUT = "locked-out"
    """The client address has failed to sign in too often."""
    TOO_SLOW = "slow-body"
    """The body of the request did not come in time."""
    TOO_LARGE = "large-body"
    """The body of the request is larger than any may be."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is one too many."""

    kind: Kind | Bound
    seconds: int
    """After how many it is worth another try."""


class Place:
    """One request's place inside; given back once, however often it is left."""

    __slots__ = ("__weakref__", "_give_back")

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def leave(self) -> None:
        """Give the place back."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def together_with(self, other: Place) -> Place:
        """Return one place that stands for both."""

        def leave_both() -> None:
            self.leave()
            other.leave()

        return Place(leave_both)

    def leave_with(self, response: HttpResponseBase) -> None:
        """Give the place back when the response is done: a streamed one when it is closed, or thrown away unsent."""
        # The application has no more to do for a file, however slowly the client takes it.
        if not response.streaming or getattr(response, "file_to_stream", None) is not None:
            self.leave()
            return
        self.leave_at_end_of(response)

    def leave_at_end_of(self, response: HttpResponseBase) -> None:
        """Give the place back when the response is closed, or thrown away unsent."""
        response._resource_closers.append(self.leave)  # type: ignore[attr-defined]
        finalize(response, self.leave)


@dataclass(slots=True)
class _Gauge:
    """One tenant's: who is inside, who waits in line, and how many may still come of the burst."""

    tokens: float
    at: float
    """When `tokens` was true, in seconds of the clock."""
    inside: int = 0
    line: deque[Queued] = field(default_factory=deque)


class Queued:
    """A request that waits for a place. Whoever waits says how to be woken, and then asks for the outcome."""

    def __init__(self, turnstile: Turnstile, gauge: _Gauge) -> None:
        self._turnstile = turnstile
        self._gauge = gauge
        self._wake: Callable[[], object] = lambda: None
        self._has_place = False

    def wake_by(self, wake: Callable[[], object]) -> None:
        """Have `wake` called as soon as there is a place, from whatever thread; at once if there is one."""
        with self._turnstile.lock:
            self._wake = wake
            has_place = self._has_place
        if has_place:
            wake()

    def outcome(self) -> Place | Refusal:
        """Return the place that became free, or step out of the line."""
        with self._turnstile.lock:
            if not self._has_place:
                self._gauge.line.remove(self)
                self._turnstile.waiting -= 1
                return Refusal(Kind.CONCURRENCY, ceil(QUEUE_SECONDS))
        return self._turnstile.place_in(self._gauge)

    def take_place(self) -> Callable[[], object]:
        """Give it a place that was another's, with the lock held; return what wakes it."""
        self._has_place = True
        return self._wake


async def wait_async(queued: Queued) -> Place | Refusal:
    """Wait for a place on an event loop, and return it, or the refusal after `QUEUE_SECONDS`."""
    loop, turn = asyncio.get_running_loop(), asyncio.Event()
    queued.wake_by(lambda: loop.call_soon_threadsafe(turn.set))
    try:
        await asyncio.wait_for(turn.wait(), QUEUE_SECONDS)
    except TimeoutError:
        pass
    except BaseException:
        if isinstance(place := queued.outcome(), Place):
            place.leave()
        raise
    return queued.outcome()


class Turnstile:
    """Counts the requests of every tenant. Safe to use from many threads; never waits itself."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most_waiting: Callable[[], int] = lambda: 0
    ) -> None:
        self._clock = clock
        self._most_waiting = most_waiting
        """How many may wait in all lines together: each has a thread of the server. 0: no limit."""
        self.waiting = 0
        # Guards the gauges: requests of one tenant come and go on many threads. Reentrant: the garbage collector may
        # run a response's `finalize` on the thread that holds it.
        self.lock = RLock()
        self._gauges: OrderedDict[Hashable, _Gauge] = OrderedDict()

    def enter(self, tenant: TenantInfo, limits: Limits | None = None) -> Place | Queued | Refusal:
        """Let one request of `tenant` in, put it in line, or refuse it; whoever is let in has to leave.

        `limits` are the tenant's own, unless others are given.
        """
        return self.enter_as(tenant.id, limits or tenant.limits)

    def enter_as(self, key: Hashable, limits: Limits) -> Place | Queued | Refusal:
        """Do the same for what is counted under `key`: a tenant's id, a client's address."""
        if not limits.rate and not limits.concurrency:
            return Place(lambda: None)
        with self.lock:
            gauge = self._gauge_of(key, limits)
            is_full = bool(limits.concurrency) and gauge.inside >= limits.concurrency
            if refusal := self._refusal(gauge, limits, is_full=is_full):
                return refusal
            if limits.rate:
                gauge.tokens -= 1
            if is_full:
                gauge.line.append(queued := Queued(self, gauge))
                self.waiting += 1
                return queued
            gauge.inside += 1
        return self.place_in(gauge)

    def refusal_now(self, key: Hashable, limits: Limits) -> Refusal | None:
        """Return the refusal that `enter_as` would give now, without counting anything; None: it would give none."""
        if not limits.rate and not limits.concurrency:
            return None
        with self.lock:
            gauge = self._gauge_of(key, limits)
            is_full = bool(limits.concurrency) and gauge.inside >= limits.concurrency
            return self._refusal(gauge, limits, is_full=is_full)

    def _refusal(self, gauge: _Gauge, limits: Limits, *, is_full: bool) -> Refusal | None:
        if is_full and (len(gauge.line) >= limits.queue or self._is_crowded()):
            return Refusal(Kind.CONCURRENCY, 1)
        if limits.rate and gauge.tokens < 1:
            return Refusal(Kind.RATE, ceil((1 - gauge.tokens) / limits.rate))
        return None

    def _is_crowded(self) -> bool:
        most = self._most_waiting()
        return bool(most) and self.waiting >= most

    def place_in(self, gauge: _Gauge) -> Place:
        """Return a place of those that `gauge` counts as taken."""
        return Place(lambda: self._leave(gauge))

    def _leave(self, gauge: _Gauge) -> None:
        with self.lock:
            if not gauge.line:
                gauge.inside -= 1
                return
            wake = gauge.line.popleft().take_place()
            self.waiting -= 1
        wake()

    def _gauge_of(self, key: Hashable, limits: Limits) -> _Gauge:
        """Return the tenant's gauge with the tokens that it has now: a token bucket."""
        now, most = self._clock(), max(limits.rate, limits.burst)
        gauge = self._gauges.get(key)
        if gauge is None:
            self._make_room()
            gauge = self._gauges[key] = _Gauge(tokens=most, at=now)
        self._gauges.move_to_end(key)
        gauge.tokens = min(most, gauge.tokens + (now - gauge.at) * limits.rate)
        gauge.at = now
        return gauge

    def _make_room(self) -> None:
        """Keep no more gauges than the registry keeps tenants; those with somebody inside stay."""
        if len(self._gauges) >= tenancy().registry_size:
            idle = next((key for key, gauge in self._gauges.items() if not gauge.inside), None)
            if idle is not None:
                del self._gauges[idle]

    def line_of(self, key: Hashable) -> tuple[Queued, ...]:
        """Return those of a tenant that wait, in order."""
        with self.lock:
            gauge = self._gauges.get(key)
            return tuple(gauge.line) if gauge else ()

    def clear(self) -> None:
        """Forget what was counted; places that are taken stay without a limit. For tests, and after a reload."""
        with self.lock:
            self._gauges.clear()
            self.waiting = 0

    def __len__(self) -> int:
        return len(self._gauges)


turnstile = Turnstile(most_waiting=lambda: limit_settings().most_waiting)
"""Of tenants and the platform."""
addresses = Turnstile()
"""Of clients' network addresses, over all tenants."""
