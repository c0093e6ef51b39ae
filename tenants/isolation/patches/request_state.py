"""What Django keeps for the current request – language, time zone, URLconf – belongs to the request's block.

Django keeps each in an `asgiref.local.Local`, which costs a microsecond to read or write, and outlives the request.
Here a value is kept with the block in which it was set, and is not seen outside it: nothing has to be put back. Time
zone and URLconf need not even be set, since the block says which they are.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.local import Local

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

    def kept_here(self) -> Entry | None:
        """Return what was set in the current request; None if nothing was."""
        block, entry = innermost.get(), self._kept.get()
        return entry if entry is not None and entry[0] is (None if block is None else block.served) else None


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


class Place:
    """Where a request has come to: what was activated in it, for the parts of its body that are made afterwards."""

    __slots__ = ("_arithmetic", "_values")

    def __init__(self) -> None:
        self.note()

    def note(self) -> None:
        """Take what holds now."""
        self._values = [(local, entry[1]) for local in _locals() if (entry := local.kept_here()) is not None]
        self._arithmetic = decimal.getcontext()

    def restore(self) -> None:
        """Let it hold again, in another block of the same tenant."""
        for local, value in self._values:
            local.value = value
        decimal.setcontext(self._arithmetic)


def _locals() -> list[RequestLocal]:
    from django.urls import base
    from django.utils import timezone
    from django.utils.translation import trans_real

    places: list[Any] = [base._urlconfs, timezone._active, trans_real._active]  # type: ignore[attr-defined]
    return [place for place in places if isinstance(place, RequestLocal)]


class _Translations(ModuleType):
    """The class of `trans_real`, where Django puts a new `Local` to have all threads forget their language.

    Its autoreloader does so, and its tests when a setting changes: in whatever order receivers are called, what is
    there afterwards is ours.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _language() if name == "_active" and isinstance(value, Local) else value)


def _language() -> RequestLocal:
    return RequestLocal("language", lambda served: None)


@cache  # `AppConfig.ready` is called again when a test overrides INSTALLED_APPS
def keep_with_requests() -> None:
    """Put these in the place of Django's, once for the process."""
    from django.urls import base
    from django.utils import timezone
    from django.utils.translation import trans_real

    base._urlconfs = RequestLocal("urlconf", lambda served: served.urlconf)  # type: ignore[attr-defined]
    timezone._active = RequestLocal("time zone", _zone_of)  # type: ignore[attr-defined]
    trans_real._active = _language()  # type: ignore[attr-defined]
    trans_real.__class__ = _Translations
