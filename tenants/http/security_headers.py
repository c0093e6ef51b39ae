"""The headers that tell a browser what a page of ours may do, and for how long our hosts are HTTPS alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from tenants.conf import tenancy
from tenants.errors import InvalidHost
from tenants.hosts import host_of_header

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer browsing-topics camera display-capture geolocation gyroscope hid magnetometer"
        " microphone midi payment publickey-credentials-get screen-wake-lock serial usb xr-spatial-tracking"
    ).split()
)
"""No page of ours asks for any of these, and so none that somebody smuggles something into does."""

# Alpine.js, with which unfold's admin is built, evaluates what stands in attributes; and its colours are in the page.
# What a visitor can reach without being staff has none of this.
ADMIN_SOURCES = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class HeadersMiddleware(CSPMiddleware):
    """Adds Content-Security-Policy and Permissions-Policy, and keeps Strict-Transport-Security to hosts of ours.

    The policy is `CONTENT_SECURITY_POLICY`, wider in the admins; a view can have another with django-csp's decorators.
    Stands below SecurityMiddleware, which leaves alone what it finds.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add what the response has not."""
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        if settings.SECURE_HSTS_SECONDS and request.is_secure() and not _is_below_origin(request):
            # A domain of a shop's own has subdomains that are no business of ours.
            response.headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")
        answer: HttpResponseBase = super().process_response(request, response)
        return answer

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Return what the policy is made of."""
        parts = super().get_policy_parts(request, response, report_only)
        match = getattr(request, "resolver_match", None)
        if match is not None and "admin" in match.app_names and parts.update is None:
            parts.update = ADMIN_SOURCES
        return parts


def _is_below_origin(request: HttpRequest) -> bool:
    base = tenancy().base_domain
    try:
        return f".{host_of_header(request.get_host())}".endswith(f".{base}")
    except InvalidHost:
        return False


_OUTER: tuple[Callable[..., Any], ...] = (XFrameOptionsMiddleware, HeadersMiddleware, SecurityMiddleware)
"""What adds headers to every answer, from the inside out."""


def with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return an answer that no middleware below will see, with the headers that they would have added."""
    for middleware in _OUTER:
        if f"{middleware.__module__}.{middleware.__qualname__}" in settings.MIDDLEWARE:
            response = middleware(_nobody_below).process_response(request, response)
    return response


def _nobody_below(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("Only what the middleware does with a response is wanted of it here.")
