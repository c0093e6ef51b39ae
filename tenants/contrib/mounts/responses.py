"""Error pages of mounts; the rest of the shop stays available."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from tenants.context import TenantInfo
from tenants.http.responses import page


def build_failed(request: HttpRequest, tenant: TenantInfo, retry_seconds: int) -> HttpResponse:
    response = page(request, "tenants/mounts/failed.html", {"name": tenant.name}, status=503, tenant=tenant)
    response["Retry-After"] = str(retry_seconds)
    return response


def timed_out(request: HttpRequest, tenant: TenantInfo) -> HttpResponse:
    return page(request, "tenants/mounts/timed_out.html", {"name": tenant.name}, status=504, tenant=tenant)
