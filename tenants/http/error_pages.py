"""Patch of Django's answer to an exception: an overloaded or absent database is answered with a page that says so."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from tenants.context import active_tenant
from tenants.contrib.limits.middleware import stopped_answer
from tenants.isolation.patches import Patch


def answer_overload(original: Any) -> Any:
    @wraps(original)
    def response_for_exception(request: HttpRequest, exc: Exception) -> HttpResponse:
        stopped = stopped_answer(request, exc) if active_tenant() is not None else None
        return stopped or original(request, exc)

    return response_for_exception


PATCHES = (
    Patch(
        "django.core.handlers.exception:response_for_exception",
        "request exc",
        answer_overload,
        "Django calls `process_exception` for errors of views alone; middleware writes sessions, logins and locks.",
    ),
)
