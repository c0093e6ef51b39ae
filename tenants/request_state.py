"""What Django keeps for the request at hand – language, time zone, URLconf – belongs to the request's block.

Django keeps each in an `asgiref.local.Local`, which costs a microsecond to read or write, and outlives the request.
Here a value is kept with the block in which it was set, and is not seen outside it: nothing has to be put back. Time
zone and URLconf need not even be set, since the block says which they are.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tenants.context import Block, innermost

Entry = tuple[Block | None, Any, "Entry | None"]
_GONE: Any = object()


class RequestLocal:
    """Stands in for a `Local` whose one attribute is `value`."""

    __slots__ = ("_default", "_kept")

    def __init__(self, name: str, default: Callable[[Block], Any]) -> None:
        self._kept: ContextVar[Entry | None] = ContextVar(name, default=None)
        self._default = default

    @property
    def value(self) -> Any:
        block, entry = innermost.get(), self._kept.get()
        served = None if block is None else block.served
        if entry is not None and entry[0] is served and entry[1] is not _GONE:
            return entry[1]
        if served is not None and (found := self._default(served)) is not None:
            return found
        if entry is not None:
            if entry[0] is served:  # it was deleted here
                raise AttributeError("value")
            entry = _alive(entry, served)
            if entry is not None and entry[1] is not _GONE:
                return entry[1]
        raise AttributeError("value")

    @value.setter
    def value(self, value: Any) -> None:
        block, entry = innermost.get(), self._kept.get()
        served = None if block is None else block.served
        if entry is not None:
            entry = entry[2] if entry[0] is served else _alive(entry, served)
        self._kept.set((served, value, entry))

    @value.deleter
    def value(self) -> None:
        self.value = _GONE


def _alive(entry: Entry | None, served: Block | None) -> Entry | None:
    """Return the first entry that was made outside of requests or in one that is around us."""
    while entry is not None and entry[0] is not None and not _is_around(entry[0], served):
        entry = entry[2]
    return entry


def _is_around(block: Block, served: Block | None) -> bool:
    while served is not None and served is not block:
        served = None if served.outer is None else served.outer.served
    return served is not None


@cache
def _zone(name: str) -> ZoneInfo:
    # ZoneInfo itself remembers eight, and reads a file for the ninth.
    return ZoneInfo(name)


def _zone_of(served: Block) -> ZoneInfo | None:
    return None if served.tenant.id == 0 else _zone(served.tenant.time_zone)


def keep_with_requests() -> None:
    """Put these in the place of Django's; called once, when Django has loaded."""
    from django.urls import base
    from django.utils import timezone
    from django.utils.translation import trans_real

    base._urlconfs = RequestLocal("urlconf", lambda served: served.urlconf)  # type: ignore[attr-defined]
    timezone._active = RequestLocal("time zone", _zone_of)  # type: ignore[attr-defined]
    trans_real._active = RequestLocal("language", lambda served: None)  # type: ignore[attr-defined]
