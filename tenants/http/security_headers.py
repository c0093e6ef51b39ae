"""Security headers: Permissions-Policy, HSTS for the platform's hosts, and all headers of early responses."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string

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
"""Features that no page needs; so injected code cannot use them either."""


def add_security_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the headers of this module that a response does not have."""
    response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
    if settings.SECURE_HSTS_SECONDS and request.is_secure() and not _is_below_origin(request):
        # Without includeSubDomains: the other subdomains of a shop's domain are not ours.
        response.headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")


class SecurityHeadersMiddleware(MiddlewareMixin):
    """Adds Permissions-Policy and HSTS. Place it after SecurityMiddleware, which keeps the headers that it finds."""

    adds_headers_to_early_responses = True

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        add_security_headers(request, response)
        return response


def _is_below_origin(request: HttpRequest) -> bool:
    base = tenancy().base_domain
    try:
        return f".{host_of_header(request.get_host())}".endswith(f".{base}")
    except InvalidHost:
        return False


def with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return an early response with the headers that the middleware below would have added.

    These are Django's two, and classes with `adds_headers_to_early_responses`; the innermost comes first.
    """
    for middleware in _header_middleware(tuple(settings.MIDDLEWARE)):
        response = middleware(_no_view).process_response(request, response)
    return response


@lru_cache(maxsize=8)
def _header_middleware(paths: tuple[str, ...]) -> list[Any]:
    classes = [import_string(path) for path in reversed(paths)]
    django = (SecurityMiddleware, XFrameOptionsMiddleware)
    return [each for each in classes if each in django or getattr(each, "adds_headers_to_early_responses", False)]


def _no_view(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("Only process_response is called of this middleware.")
