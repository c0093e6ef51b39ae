"""Patches of what Django keeps for the current request: language, time zone and URLconf end with the request's block.

Django keeps each in an `asgiref.local.Local`, which costs a microsecond to read or write, and outlives the request.
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
_DELETED: Any = object()


class RequestLocal:
    """A `Local` whose one attribute is `value`: a value is seen only in the block in which it was set.

    `default` returns the value of a request in which none was set, or None.
    """

    __slots__ = ("_default", "_entry")

    def __init__(self, name: str, default: Callable[[Block], Any]) -> None:
        self._entry: ContextVar[Entry | None] = ContextVar(name, default=None)
        self._default = default

    @property
    def value(self) -> Any:
        block, entry = innermost.get(), self._entry.get()
        served = None if block is None else block.served
        if entry is not None and entry[0] is served and entry[1] is not _DELETED:
            return entry[1]
        if served is not None and (found := self._default(served)) is not None:
            return found
        if entry is not None:
            if entry[0] is served:  # deleted in this request
                raise AttributeError("value")
            entry = _outer_entry(entry, served)
            if entry is not None and entry[1] is not _DELETED:
                return entry[1]
        raise AttributeError("value")

    @value.setter
    def value(self, value: Any) -> None:
        block, entry = innermost.get(), self._entry.get()
        served = None if block is None else block.served
        if entry is not None:
            entry = entry[2] if entry[0] is served else _outer_entry(entry, served)
        self._entry.set((served, value, entry))

    @value.deleter
    def value(self) -> None:
        self.value = _DELETED

    def entry_here(self) -> Entry | None:
        """Return what was set in the current request; None if nothing was."""
        block, entry = innermost.get(), self._entry.get()
        return entry if entry is not None and entry[0] is (None if block is None else block.served) else None


def _outer_entry(entry: Entry | None, served: Block | None) -> Entry | None:
    """Return the last entry that was set outside of requests, or in a request around this one."""
    while entry is not None and entry[0] is not None and not _is_around(entry[0], served):
        entry = entry[2]
    return entry


def _is_around(block: Block, served: Block | None) -> bool:
    while served is not None and served is not block:
        served = None if served.outer is None else served.outer.served
    return served is not None


@cache
def _zone(name: str) -> ZoneInfo:
    # ZoneInfo's own cache holds eight.
    return ZoneInfo(name)


def _zone_of(served: Block) -> ZoneInfo | None:
    return None if served.tenant.id == 0 else _zone(served.tenant.time_zone)


class RequestState:
    """What code has activated in a request, for the parts of a streamed body that are made afterwards."""

    __slots__ = ("_decimal_context", "_values")

    def __init__(self) -> None:
        self.capture()

    def capture(self) -> None:
        """Keep what is active now."""
        self._values = [(local, entry[1]) for local in _request_locals() if (entry := local.entry_here()) is not None]
        self._decimal_context = decimal.getcontext()

    def restore(self) -> None:
        """Activate it again, in another block of the same tenant."""
        for local, value in self._values:
            local.value = value
        decimal.setcontext(self._decimal_context)


def _request_locals() -> list[RequestLocal]:
    from django.urls import base
    from django.utils import timezone
    from django.utils.translation import trans_real

    places: list[Any] = [base._urlconfs, timezone._active, trans_real._active]  # type: ignore[attr-defined]
    return [place for place in places if isinstance(place, RequestLocal)]


def urlconf_of_request(original: Local) -> RequestLocal:
    return RequestLocal("urlconf", lambda served: served.urlconf)


def time_zone_of_request(original: Local) -> RequestLocal:
    return RequestLocal("time zone", _zone_of)


def language_of_request(original: Local) -> RequestLocal:
    return RequestLocal("language", lambda served: None)


class _Translations(ModuleType):
    """The class of the module `trans_real`."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Django assigns a new `Local` there to reset the language of all threads: its autoreloader does so, and its
        # tests when a setting changes.
        is_reset = name == "_active" and isinstance(value, Local)
        super().__setattr__(name, language_of_request(value) if is_reset else value)


def translations_class(original: type[ModuleType]) -> type[ModuleType]:
    return _Translations
