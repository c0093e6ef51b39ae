"""What a request gets that reaches no tenant, or a busy one. No database, no session, nothing of any tenant."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.encoding import escape_uri_path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.contrib.limits.counters import Kind
from tenants.contrib.limits.limiter import Refusal
from tenants.http.locale import language_of
from tenants.postgresql.overload import Bound, Stopped
from tenants.redaction import loggable_path

logger = logging.getLogger("django.request")

RETRY_AFTER_SECONDS = 300
UPDATED_AFTER_SECONDS = 30
STOPPED_AFTER_SECONDS = 10

_BUSY = {
    Kind.RATE: (
        "too-many-requests",
        _("Too many requests in a short time"),
        _("This shop had more of them than it may have. Please wait a moment, then send yours again."),
    ),
    Kind.CONCURRENCY: (
        "too-many-at-once",
        _("The shop is very busy right now"),
        _("More people want something of it than it can serve at once. Please try again in a moment."),
    ),
    Bound.ADDRESS: (
        "too-many-from-address",
        _("Too many requests at once from your network"),
        _("Please wait until the pages that you asked for are there, then try again."),
    ),
    Bound.HASHING: (
        "too-many-logins",
        _("Too many people are signing in right now"),
        _("Your password was not checked. Please try again in a moment."),
    ),
    Bound.BODIES: (
        "too-many-uploads",
        _("Too much is being sent at once"),
        _("What you sent was not taken. Please try again in a moment."),
    ),
    Bound.FILES: (
        "too-many-files",
        _("Too many files are being sent at once"),
        _("Please try again in a moment."),
    ),
    Bound.LOCKED_OUT: (
        "too-many-failed-logins",
        _("Too many failed logins"),
        ngettext_lazy(
            "From your network somebody has failed to sign in too often. Please wait a minute, then try again.",
            "From your network somebody has failed to sign in too often. "
            "Please wait %(minutes)s minutes, then try again.",
            "minutes",
        ),
    ),
    Bound.TOO_SLOW: (
        "body-too-slow",
        _("What you sent did not arrive in time"),
        _("Your request was not carried out. Please send it again over a faster connection."),
    ),
    Bound.TOO_LARGE: (
        "too-large",
        _("What you sent is too large"),
        _("Please send it in parts."),
    ),
    Stopped.STATEMENT: (
        "took-too-long",
        _("This took too long"),
        _("It was stopped, so that other visitors need not wait. Please ask for less at once, or try again later."),
    ),
    Stopped.POOL: (
        "database-busy",
        _("The database is very busy right now"),
        _("Your request had to wait too long for it, and was not carried out. Please try again in a moment."),
    ),
    Stopped.AWAY: (
        "database-unavailable",
        _("This site is not available right now"),
        _("Its database does not answer. Please try again in a few minutes."),
    ),
    Stopped.READ_ONLY: (
        "database-read-only",
        _("Nothing can be saved right now"),
        _("You can go on looking around. What you just sent was not saved; please send it again in some minutes."),
    ),
}
"""By reason: one word for programs, what happened, and what to do."""


_CLIENTS: dict[Kind | Bound, HTTPStatus] = {
    Kind.RATE: HTTPStatus.TOO_MANY_REQUESTS,
    Bound.ADDRESS: HTTPStatus.TOO_MANY_REQUESTS,
    Bound.LOCKED_OUT: HTTPStatus.TOO_MANY_REQUESTS,
    Bound.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Bound.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Statuses of what is the client's own doing; all else is 503."""


def unknown_host(request: HttpRequest) -> HttpResponse:
    """Return 404: no shop answers at this host."""
    return _page(request, "tenants/unknown_host.html", {}, status=404)


def suspended(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 503: the shop is closed for a while."""
    response = _page(
        request, "tenants/suspended.html", {"name": tenant.name, "notice": tenant.notice}, status=503, tenant=tenant
    )
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    _log(request, response, "Suspended")
    return response


def updating(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 503: the shop's tables are not where the code is yet."""
    response = _page(request, "tenants/updating.html", {"name": tenant.name}, status=503, tenant=tenant)
    response["Retry-After"] = str(UPDATED_AFTER_SECONDS)
    _log(request, response, "Waiting for its migration")
    return response


def _log(request: HttpRequest, response: HttpResponse, why: str) -> None:
    """Log an answer that is as it should be as a warning, like any refusal; Django logs each 503 as an error."""
    extra = {"request": request, "status_code": response.status_code}
    logger.warning("%s: %s", why, loggable_path(escape_uri_path(request.path)), extra=extra)
    response._has_been_logged = True  # type: ignore[attr-defined]


def refused(request: HttpRequest, tenant: TenantInfo, refusal: Refusal) -> HttpResponse:
    """Return the answer to a request that met a bound: 429, 503, 408 or 413; cheap, as there may be a flood."""
    status = _CLIENTS.get(refusal.kind, HTTPStatus.SERVICE_UNAVAILABLE)
    response = _busy(request, tenant, refusal.kind, status, refusal.seconds)
    # The counts tell an operator the same; a line of the log for each would cost more than the refusal.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def stopped(request: HttpRequest, tenant: TenantInfo | None, reason: Stopped) -> HttpResponse:
    """Return 503: the database was too slow, too busy or out of reach for what was asked."""
    return _busy(request, tenant, reason, HTTPStatus.SERVICE_UNAVAILABLE, STOPPED_AFTER_SECONDS)


def _busy(
    request: HttpRequest, tenant: TenantInfo | None, reason: Kind | Bound | Stopped, status: HTTPStatus, seconds: int
) -> HttpResponse:
    language = language_of(request, tenant)
    if _is_a_program(request):
        content = _busy_problem(reason, status, language, seconds // 60)
        media_type: str | None = "application/problem+json; charset=utf-8"
    elif reason is Bound.LOCKED_OUT:
        content, media_type = _locked_out_page(seconds // 60, language, get_script_prefix()), None
    else:
        content, media_type = _busy_page(reason, status, language, get_script_prefix()), None
    response = _finished(HttpResponse(content, status=status, content_type=media_type), language)
    if seconds:
        response["Retry-After"] = str(seconds)
    return response


def _is_a_program(request: HttpRequest) -> bool:
    """Tell whether a program asks, which would rather have JSON: of an API, or by its own word."""
    return request.path_info.startswith("/api/") or not request.accepts("text/html")


@lru_cache(maxsize=256)
def _busy_page(reason: Kind | Bound | Stopped, status: HTTPStatus, language: str, script_prefix: str) -> bytes:
    # The prefix is in the addresses of static files.
    _word, title, advice = _BUSY[reason]
    with translation.override(language):
        context = {"code": int(status), "title": title, "advice": advice, "LANGUAGE_CODE": language}
        return render_to_string("tenants/busy.html", context).encode()


@lru_cache(maxsize=64)
def _locked_out_page(minutes: int, language: str, script_prefix: str) -> bytes:
    with translation.override(language):
        context = {"minutes": minutes, "LANGUAGE_CODE": language}
        return render_to_string("tenants/too_many_failures.html", context).encode()


@lru_cache(maxsize=64)
def _busy_problem(reason: Kind | Bound | Stopped, status: HTTPStatus, language: str, minutes: int) -> bytes:
    word, title, advice = _BUSY[reason]
    with translation.override(language):
        detail = str(advice % {"minutes": minutes}) if reason is Bound.LOCKED_OUT else str(advice)
        problem = {"type": f"urn:sangga:problem:{word}", "title": str(title), "status": status, "detail": detail}
    return json.dumps(problem, ensure_ascii=False).encode()


def mount_failed(request: HttpRequest, tenant: TenantInfo, retry_seconds: int) -> HttpResponse:
    """Return 503: an application of the shop could not be built; the rest of the shop is open."""
    response = _page(request, "tenants/mount_failed.html", {"name": tenant.name}, status=503, tenant=tenant)
    response["Retry-After"] = str(retry_seconds)
    return response


def mount_timed_out(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 504: an application of the shop did not answer in time; the rest of the shop is open."""
    return _page(request, "tenants/mount_timed_out.html", {"name": tenant.name}, status=504, tenant=tenant)


def moved(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 308 to the same path on the tenant's primary host; the method and the body stay the same."""
    response = HttpResponsePermanentRedirect(tenancy().url_of(tenant.host, request.get_full_path()))
    response.status_code = 308
    response["Cache-Control"] = "no-store"  # a browser would keep it for ever, and the primary host may change
    return response


def _page(
    request: HttpRequest, template: str, context: dict[str, str], *, status: int, tenant: TenantInfo | None = None
) -> HttpResponse:
    language = language_of(request, tenant)
    with translation.override(language):
        content = render_to_string(template, {**context, "LANGUAGE_CODE": language})
    return _finished(HttpResponse(content, status=status), language)


def _finished(response: HttpResponse, language: str) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Content-Language"] = language
    patch_vary_headers(response, ["Accept", "Accept-Language", "Cookie", "Host"])
    return response
