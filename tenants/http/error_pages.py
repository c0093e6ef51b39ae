"""Answers to errors: what the database had no room for is no error, and error pages have their request's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers import exception
from django.http import HttpRequest, HttpResponse

from tenants.context import active_tenant
from tenants.contrib.limits.middleware import stopped_answer


def render_error_pages_in_their_requests_thread() -> None:
    """Let an error page have the connection of its request, which is given back when that ends.

    In another thread it needs a second one while the request holds its first: as many failing requests as the pool
    has connections would wait for each other for ever. And nobody would give that one back.
    """
    exception.sync_to_async = _in_the_requests_thread  # type: ignore[attr-defined]  # missing in django-stubs


def answer_what_was_stopped() -> None:
    """Let a middleware, too, be answered with a page that says why, where the database was in the way.

    Django asks `process_exception` about views alone. Sessions, logins and locks are written by middleware.
    """
    django_answer = exception.response_for_exception

    def answer(request: HttpRequest, exc: Exception) -> HttpResponse:
        stopped = stopped_answer(request, exc) if active_tenant() is not None else None
        return stopped or django_answer(request, exc)

    if getattr(django_answer, "__module__", "") != __name__:
        exception.response_for_exception = answer


def _in_the_requests_thread(function: Callable[..., Any], *, thread_sensitive: bool) -> Any:
    return sync_to_async(function, thread_sensitive=True)
