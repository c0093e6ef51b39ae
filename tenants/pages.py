"""What a request gets that reaches no tenant. No database, no session, nothing of any tenant."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import patch_vary_headers

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.language import language_of

RETRY_AFTER_SECONDS = 300
UPDATED_AFTER_SECONDS = 30


def unknown_host(request: HttpRequest) -> HttpResponse:
    """Return 404: no shop answers at this host."""
    return _page(request, "tenants/unknown_host.html", {}, status=404)


def suspended(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 503: the shop is closed for a while."""
    response = _page(
        request, "tenants/suspended.html", {"name": tenant.name, "notice": tenant.notice}, status=503, tenant=tenant
    )
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def updating(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 503: the shop's tables are not where the code is yet."""
    response = _page(request, "tenants/updating.html", {"name": tenant.name}, status=503, tenant=tenant)
    response["Retry-After"] = str(UPDATED_AFTER_SECONDS)
    return response


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
        response = HttpResponse(render_to_string(template, {**context, "LANGUAGE_CODE": language}), status=status)
    response["Cache-Control"] = "no-store"
    response["Content-Language"] = language
    patch_vary_headers(response, ["Accept-Language", "Cookie", "Host"])
    return response
