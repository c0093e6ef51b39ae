"""The response to too many failed logins, which django-axes counts in the tenant's tables."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from tenants.context import current_tenant
from tenants.contrib.limits.limiter import ProcessLimit, Rejection
from tenants.contrib.limits.lockouts import Attempt, lockouts
from tenants.contrib.limits.responses import rejected
from tenants.http.client_ip import get_client_ip


def too_many_failures(request: HttpRequest, response: HttpResponseBase, credentials: Any = None) -> HttpResponse:
    """Return 429, for AXES_LOCKOUT_CALLABLE."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    if settings.AXES_LOCKOUT_PARAMETERS == ["ip_address"]:
        _remember(request, seconds)
    return rejected(request, current_tenant(), Rejection(ProcessLimit.LOCKED_OUT, seconds))


def _remember(request: HttpRequest, seconds: int) -> None:
    # Only at this address of the login page: other paths do not check a password.
    match, address = request.resolver_match, get_client_ip(request)
    if match is not None and match.view_name == "admin:login" and address is not None:
        tenant = current_tenant()
        lockouts.remember(Attempt(tenant.id, tenant.epoch, address, request.META.get("PATH_INFO", "")), seconds)
