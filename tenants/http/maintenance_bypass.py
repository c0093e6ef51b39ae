"""Maintenance bypass: a link with a secret opens a suspended tenant. A cookie keeps the secret afterwards."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.crypto import constant_time_compare
from django.utils.http import escape_leading_slashes

from tenants.conf import tenancy
from tenants.context import TenantInfo

PARAMETER = "bypass"


def bypass_link(tenant: TenantInfo) -> str:
    """Return the link that opens a suspended tenant until it is resumed."""
    return tenancy().url_of(tenant.host, f"/?{urlencode({PARAMETER: tenant.bypass})}")


def has_bypass(request: HttpRequest, tenant: TenantInfo) -> bool:
    """Tell whether the visitor came through the link before."""
    return _matches(request.COOKIES.get(_cookie_name()), tenant)


def enter_by_link(request: HttpRequest, tenant: TenantInfo) -> HttpResponse | None:
    """Return the redirect that turns the link into a cookie, or None if the visitor has no valid link."""
    if not _matches(request.GET.get(PARAMETER), tenant):
        return None
    query = request.GET.copy()
    del query[PARAMETER]  # The secret must not stay in the address bar, nor get into a Referer header.
    path = escape_leading_slashes(request.path)  # //elsewhere.example would lead there
    response = HttpResponseRedirect(f"{path}?{query.urlencode()}" if query else path)
    response.set_cookie(
        _cookie_name(), tenant.bypass, httponly=True, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax"
    )
    return response


def _cookie_name() -> str:
    return "__Host-sangga_bypass" if settings.SESSION_COOKIE_SECURE else "sangga_bypass"


def _matches(value: str | None, tenant: TenantInfo) -> bool:
    return bool(tenant.bypass and value) and constant_time_compare(value or "", tenant.bypass)
