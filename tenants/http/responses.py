"""Responses without a view: unknown host, suspended or outdated tenant, overload. They use no database or session."""

from __future__ import annotations

import logging
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.encoding import escape_uri_path
from django.utils.functional import Promise

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.http.locale import language_of
from tenants.http.problem_details import PROBLEM_CONTENT_TYPE, problem_body
from tenants.redaction import loggable_path

logger = logging.getLogger("django.request")

RETRY_AFTER_SECONDS = 300
UPDATED_AFTER_SECONDS = 30


class Advice(NamedTuple):
    """Texts of a page or problem document: what happened, and what to do."""

    code: str
    """The last part of the problem's `type`."""
    title: str | Promise
    text: str | Promise
    """May contain `%(minutes)d`: minutes until a retry."""


def unknown_host(request: HttpRequest) -> HttpResponse:
    """Return 404: no tenant has this host."""
    return page(request, "tenants/unknown_host.html", {}, status=404)


def suspended(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    response = page(
        request, "tenants/suspended.html", {"name": tenant.name, "notice": tenant.notice}, status=503, tenant=tenant
    )
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    _log(request, response, "Suspended")
    return response


def updating(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 503: the tenant's schema is behind the code."""
    response = page(request, "tenants/updating.html", {"name": tenant.name}, status=503, tenant=tenant)
    response["Retry-After"] = str(UPDATED_AFTER_SECONDS)
    _log(request, response, "Waiting for its migration")
    return response


def _log(request: HttpRequest, response: HttpResponse, why: str) -> None:
    """Log an intended response as a warning, because Django would log each 503 as an error."""
    extra = {"request": request, "status_code": response.status_code}
    logger.warning("%s: %s", why, loggable_path(escape_uri_path(request.path)), extra=extra)
    response._has_been_logged = True  # type: ignore[attr-defined]


def busy_response(
    request: HttpRequest, tenant: TenantInfo | None, advice: Advice, status: HTTPStatus, retry_after: int
) -> HttpResponse:
    """Return a page, or a problem document for a program, with `advice` and Retry-After.

    Cheap, because there may be a flood of them.
    """
    language = language_of(request, tenant)
    if _is_program(request):
        content = _busy_problem(advice, status, language, retry_after // 60)
        media_type: str | None = PROBLEM_CONTENT_TYPE
    else:
        content, media_type = _busy_page(advice, status, language, retry_after // 60, get_script_prefix()), None
    response = _finished(HttpResponse(content, status=status, content_type=media_type), language)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _is_program(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON: it uses an API, or does not accept HTML."""
    return request.path_info.startswith("/api/") or not request.accepts("text/html")


@lru_cache(maxsize=256)
def _busy_page(advice: Advice, status: HTTPStatus, language: str, minutes: int, script_prefix: str) -> bytes:
    # URLs of static files begin with the prefix.
    with translation.override(language):
        text = str(advice.text % {"minutes": minutes})
        context = {"code": int(status), "title": advice.title, "advice": text, "minutes": minutes}
        return render_to_string("tenants/busy.html", {**context, "LANGUAGE_CODE": language}).encode()


@lru_cache(maxsize=64)
def _busy_problem(advice: Advice, status: HTTPStatus, language: str, minutes: int) -> bytes:
    with translation.override(language):
        return problem_body(status, str(advice.text % {"minutes": minutes}), kind=advice.code, title=str(advice.title))


def moved(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 308 to the same path on the tenant's primary host; the method and the body stay the same."""
    response = HttpResponsePermanentRedirect(tenancy().url_of(tenant.host, request.get_full_path()))
    response.status_code = 308
    response["Cache-Control"] = "no-store"  # a browser would keep it for ever, and the primary host may change
    return response


def page(
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
