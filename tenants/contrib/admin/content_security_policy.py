"""Content-Security-Policy of all pages, wider in the admins, which Unfold builds with Alpine.js."""

from __future__ import annotations

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.http.security_headers import add_security_headers

# Alpine.js evaluates attributes, and Unfold's colours are in the page. Only staff can reach such a page.
ADMIN_SOURCES = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Adds `CONTENT_SECURITY_POLICY` and the engine's security headers. A view changes it by decorators.

    In the place of `SecurityHeadersMiddleware`.
    """

    adds_headers_to_early_responses = True

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        add_security_headers(request, response)
        result: HttpResponseBase = super().process_response(request, response)
        return result

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        match = getattr(request, "resolver_match", None)
        if match is not None and "admin" in match.app_names and parts.update is None:
            parts.update = ADMIN_SOURCES
        return parts
