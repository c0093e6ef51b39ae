"""Patch of Django's error pages: they are rendered in the thread of their request."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def in_thread_of_request(original: Any) -> Any:
    @wraps(original)
    def sync_to_async(function: Callable[..., Any], *, thread_sensitive: bool) -> Any:
        return original(function, thread_sensitive=True)

    return sync_to_async
