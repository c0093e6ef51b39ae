"""Caches of what is computed from settings. A test that overrides one of these settings clears them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.core.signals import setting_changed

F = TypeVar("F", bound=Callable[..., Any])


def cached_from(*settings: str) -> Callable[[F], F]:
    """Decorate a function like `functools.cache`; a change of one of the settings clears the cache."""

    def decorate(function: F) -> F:
        cached: Any = cache(function)
        on_setting_change(cached.cache_clear, *settings)
        return cached  # type: ignore[no-any-return]

    return decorate


def on_setting_change(function: Callable[[], object], *settings: str) -> None:
    """Call a function when one of the settings changes; without names, when any setting changes."""

    def receive(*, setting: str, **_: object) -> None:
        if not settings or setting in settings:
            function()

    setting_changed.connect(receive, weak=False)
