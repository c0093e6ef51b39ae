"""The call that is under way: its id, its place in a trace, how much time it has, and as whom it is made.

The gateway begins it, each service takes it over from the request, and what a service asks of others goes on with it.
Needs no Django, as `tenants.contrib.services.identity`.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from multidict import istr

from tenants.contrib.observability.principal import STRANGER, Principal

# As `istr`: a name whose lower case is known need not be turned into it for every request.
REQUEST_ID = istr("X-Request-ID")
TRACE = istr("traceparent")
SECONDS_LEFT = istr("Sangga-Seconds-Left")
"""How long the sender waits yet. A duration, and no time of day: clocks of machines differ."""

KEPT_BACK, LEAST_KEPT_BACK, MOST_KEPT_BACK = 0.1, 0.2, 1.0
"""The share of the time left, and the seconds at the least and the most, that a call leaves to who makes it."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRACE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SECONDS = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


class Call(NamedTuple):
    """One request on its way through the services. A tuple for its speed, as one begins with every request."""

    request_id: str
    trace_id: str
    """Of all that is done for it, as 32 hexadecimal digits (W3C Trace Context)."""
    span_id: str
    """Of the step at hand, as 16 hexadecimal digits."""
    parent_id: str = ""
    """Of the step that asked for this one; empty where it begins."""
    deadline: float | None = None
    """When its sender stops waiting, by `time.monotonic()`; None: nobody has said."""
    principal: Principal = STRANGER
    user: Callable[[], Principal] | None = None
    """Tells as whom it is made where that was not known yet when it began: by a session, which may take a query."""

    @classmethod
    def begin(cls, user: Callable[[], Principal] | None = None) -> Call:
        """Return a new one, which nobody has sent."""
        # Ids tell requests apart, and are no secrets. At once, and without the kernel: this is done for every request.
        digits = f"{random.getrandbits(256):064x}"
        return cls(request_id=digits[:16], trace_id=digits[16:48], span_id=digits[48:], user=user)

    @classmethod
    def taken_over(
        cls, headers: Mapping[str, str], principal: Principal, user: Callable[[], Principal] | None = None
    ) -> Call:
        """Return the one that a request goes on with. Only for headers whose sender was told by a signed identity."""
        new = cls.begin()
        request_id, trace = headers.get(REQUEST_ID, ""), _TRACE.fullmatch(headers.get(TRACE, ""))
        seconds = headers.get(SECONDS_LEFT, "")
        return cls(
            request_id=request_id if _REQUEST_ID.fullmatch(request_id) else new.request_id,
            trace_id=trace[1] if trace else new.trace_id,
            span_id=new.span_id,
            parent_id=trace[2] if trace else "",
            deadline=time.monotonic() + float(seconds) if _SECONDS.fullmatch(seconds) else None,
            principal=principal,
            user=user,
        )

    def as_whom(self) -> Principal:
        """Return as whom it is made; may ask the database."""
        return self.user() if self.user is not None and not self.principal.is_known else self.principal

    def seconds_left(self, most: float) -> float:
        """Return how long another service may be waited for, `most` at the most; 0 or less: not any more.

        A share of the time is kept back: who waits for this one shall get its answer yet, also where the other gives
        none.
        """
        if self.deadline is None:
            return most
        left = self.deadline - time.monotonic()
        return min(most, left - min(max(left * KEPT_BACK, LEAST_KEPT_BACK), MOST_KEPT_BACK))

    def headers(self, seconds: float, span_id: str) -> dict[str, str]:
        """Return what the next service takes it over from; `span_id` is that of the step between."""
        return {
            REQUEST_ID: self.request_id,
            TRACE: f"00-{self.trace_id}-{span_id}-01",
            SECONDS_LEFT: f"{max(seconds, 0):.3f}",
        }


# As the tenant's (`tenants.context`): it follows a request through `await`, threads of `sync_to_async` and tasks.
_current: ContextVar[Call | None] = ContextVar("call", default=None)


def current_call() -> Call | None:
    """Return the call under way, or None: in a job or a command, for example."""
    return _current.get()


@contextmanager
def in_call(call: Call) -> Iterator[Call]:
    """Let what is asked of other services inside the block go on with `call`."""
    before = _current.get()
    _current.set(call)
    try:
        yield call
    finally:
        _current.set(before)
