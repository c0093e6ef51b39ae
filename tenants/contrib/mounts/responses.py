"""Responses to requests for a mount that could not be built or did not answer in time."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from tenants.context import TenantInfo
from tenants.http.responses import page


def mount_failed(request: HttpRequest, tenant: TenantInfo, retry_seconds: int) -> HttpResponse:
    """Return 503: an application of the shop could not be built; the rest of the shop is open."""
    response = page(request, "tenants/mount_failed.html", {"name": tenant.name}, status=503, tenant=tenant)
    response["Retry-After"] = str(retry_seconds)
    return response


def mount_timed_out(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    """Return 504: an application of the shop did not answer in time; the rest of the shop is open."""
    return page(request, "tenants/mount_timed_out.html", {"name": tenant.name}, status=504, tenant=tenant)
