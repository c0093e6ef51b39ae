"""The response to too many failed logins, which django-axes counts in the tenant's tables."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from tenants.context import current_tenant
from tenants.contrib.limits.lockouts import Attempt, lockouts
from tenants.http.client_ip import get_client_ip
from tenants.http.problem_details import PROBLEM_CONTENT_TYPE, problem_body


def too_many_failures(request: HttpRequest, response: HttpResponseBase, credentials: Any = None) -> HttpResponse:
    """Return 429 for AXES_LOCKOUT_CALLABLE: problem details where the view would answer JSON, else a page."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    if "json" in response.headers.get("Content-Type", ""):
        problem = problem_body(429, f"Try again in {seconds // 60} minutes.", kind="too-many-failed-logins")
        answer = HttpResponse(problem, status=429, content_type=PROBLEM_CONTENT_TYPE)
    else:
        answer = render(request, "tenants/accounts/too_many_failures.html", {"minutes": seconds // 60}, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    if settings.AXES_LOCKOUT_PARAMETERS == ["ip_address"]:
        _remember(request, seconds)
    return answer


def _remember(request: HttpRequest, seconds: int) -> None:
    # Only at this address of the login page: other paths do not check a password.
    match, address = request.resolver_match, get_client_ip(request)
    if match is not None and match.view_name == "admin:login" and address is not None:
        tenant = current_tenant()
        lockouts.remember(Attempt(tenant.id, tenant.epoch, address, request.META.get("PATH_INFO", "")), seconds)
