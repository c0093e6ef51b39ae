"""Error pages under ASGI, which Django renders in a thread beside the one that its request has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers import exception


def render_error_pages_in_their_requests_thread() -> None:
    """Let an error page have the connection of its request, which is given back when that ends.

    In another thread it needs a second one while the request holds its first: as many failing requests as the pool
    has connections would wait for each other for ever. And nobody would give that one back.
    """
    exception.sync_to_async = _in_the_requests_thread  # type: ignore[attr-defined]  # missing in django-stubs


def _in_the_requests_thread(function: Callable[..., Any], *, thread_sensitive: bool) -> Any:
    return sync_to_async(function, thread_sensitive=True)
