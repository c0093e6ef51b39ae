"""Request context: request id, W3C trace, deadline and principal of the request that is being served.

The gateway creates it, each service restores it from the headers, and the service client passes it on. Needs no Django,
like `tenants.contrib.services.identity`.
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

from tenants.contrib.observability.principal import ANONYMOUS, Principal

# `istr` keeps the lower-case form of a name, which is otherwise computed for every request.
REQUEST_ID = istr("X-Request-ID")
TRACEPARENT = istr("traceparent")
SECONDS_LEFT = istr("Sangga-Seconds-Left")
"""How long the sender still waits. A duration, not a time of day: the clocks of machines differ."""

RESERVED_SHARE, MIN_RESERVED, MAX_RESERVED = 0.1, 0.2, 1.0
"""What a caller keeps of the time left for its own answer: a share, with limits in seconds."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SECONDS = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


class RequestContext(NamedTuple):
    """Context of one request. A tuple, because every request creates one and a dataclass takes longer."""

    request_id: str
    trace_id: str
    """32 hexadecimal digits, shared by all services that take part (W3C Trace Context)."""
    span_id: str
    """16 hexadecimal digits."""
    parent_id: str = ""
    """The span that sent this request; empty where the trace begins."""
    deadline: float | None = None
    """When the sender stops waiting, by `time.monotonic()`; None: unknown."""
    principal: Principal = ANONYMOUS
    user: Callable[[], Principal] | None = None
    """Returns the principal of a session, where the gateway signed none. May query the database."""

    @classmethod
    def new(cls, user: Callable[[], Principal] | None = None) -> RequestContext:
        # Ids are no secrets, so one call of a fast generator makes all of them.
        digits = f"{random.getrandbits(256):064x}"
        return cls(request_id=digits[:16], trace_id=digits[16:48], span_id=digits[48:], user=user)

    @classmethod
    def from_headers(
        cls, headers: Mapping[str, str], principal: Principal, user: Callable[[], Principal] | None = None
    ) -> RequestContext:
        """Return the context that the headers carry. Only for headers that came with a verified identity."""
        new = cls.new()
        request_id, trace = headers.get(REQUEST_ID, ""), _TRACEPARENT.fullmatch(headers.get(TRACEPARENT, ""))
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

    def load_principal(self) -> Principal:
        """Return the principal; may query the database for the user of the session."""
        return self.user() if self.user is not None and not self.principal.is_authenticated else self.principal

    def seconds_left(self, maximum: float) -> float:
        """Return the timeout for a call of another service, at most `maximum`; zero or less: no time is left.

        Part of the time is reserved, so that this service can still answer when the other one does not.
        """
        if self.deadline is None:
            return maximum
        left = self.deadline - time.monotonic()
        return min(maximum, left - min(max(left * RESERVED_SHARE, MIN_RESERVED), MAX_RESERVED))

    def headers(self, seconds: float, span_id: str) -> dict[str, str]:
        """Return the headers of a request to the next service; `span_id` is the span of that call."""
        return {
            REQUEST_ID: self.request_id,
            TRACEPARENT: f"00-{self.trace_id}-{span_id}-01",
            SECONDS_LEFT: f"{max(seconds, 0):.3f}",
        }


# Like the active tenant, it follows a request through `await`, `sync_to_async` and tasks.
_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current_request_context() -> RequestContext | None:
    """Return the context of the current request; None in a job or a command."""
    return _current.get()


@contextmanager
def use_request_context(context: RequestContext) -> Iterator[RequestContext]:
    """Make `context` the current one inside the block."""
    before = _current.get()
    _current.set(context)
    try:
        yield context
    finally:
        _current.set(before)
