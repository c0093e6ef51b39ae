"""Responses to requests beyond a limit: 429, 503, 408 or 413."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from tenants.context import TenantInfo
from tenants.contrib.limits.counters import LimitKind
from tenants.contrib.limits.limiter import ProcessLimit, Rejection
from tenants.http.responses import Advice, busy_response

_ADVICE: dict[LimitKind | ProcessLimit, Advice] = {
    LimitKind.RATE: Advice(
        "too-many-requests",
        _("Too many requests in a short time"),
        _("The shop has reached its request limit. Please wait a moment and try again."),
    ),
    LimitKind.CONCURRENCY: Advice(
        "too-many-at-once",
        _("The shop is very busy right now"),
        _("It has more visitors than it can serve at once. Please try again in a moment."),
    ),
    ProcessLimit.ADDRESS: Advice(
        "too-many-from-address",
        _("Too many requests at once from your network"),
        _("Please wait until your other pages have loaded, then try again."),
    ),
    ProcessLimit.HASHING: Advice(
        "too-many-logins",
        _("Too many people are signing in right now"),
        _("Your password was not checked. Please try again in a moment."),
    ),
    ProcessLimit.BODIES: Advice(
        "too-many-uploads",
        _("Too many uploads at once"),
        _("Your request was not processed. Please try again in a moment."),
    ),
    ProcessLimit.FILES: Advice(
        "too-many-files",
        _("Too many downloads at once"),
        _("Please try again in a moment."),
    ),
    ProcessLimit.LOCKED_OUT: Advice(
        "too-many-failed-logins",
        _("Too many failed logins"),
        ngettext_lazy(
            "Too many failed logins from your network. Please wait a minute, then try again.",
            "Too many failed logins from your network. Please wait %(minutes)s minutes, then try again.",
            "minutes",
        ),
    ),
    ProcessLimit.TOO_SLOW: Advice(
        "body-too-slow",
        _("Your request took too long to arrive"),
        _("It was not processed. Please send it again over a faster connection."),
    ),
    ProcessLimit.TOO_LARGE: Advice(
        "too-large",
        _("Your request is too large"),
        _("Please send it in smaller parts."),
    ),
}

_STATUSES: dict[LimitKind | ProcessLimit, HTTPStatus] = {
    LimitKind.RATE: HTTPStatus.TOO_MANY_REQUESTS,
    ProcessLimit.ADDRESS: HTTPStatus.TOO_MANY_REQUESTS,
    ProcessLimit.LOCKED_OUT: HTTPStatus.TOO_MANY_REQUESTS,
    ProcessLimit.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    ProcessLimit.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Statuses of errors of the client; all others are 503."""


def rejected(request: HttpRequest, tenant: TenantInfo, rejection: Rejection) -> HttpResponse:
    """Return the response to a request that met a limit."""
    status = _STATUSES.get(rejection.kind, HTTPStatus.SERVICE_UNAVAILABLE)
    response = busy_response(request, tenant, _ADVICE[rejection.kind], status, rejection.seconds)
    # The counters tell an operator the same; a log line for each would cost more than the rejection.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
