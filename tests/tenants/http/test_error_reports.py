"""Debug pages and mails to admins name the active tenant and its search path."""

from __future__ import annotations

import sys

import pytest
from django.http import HttpRequest
from django.test import RequestFactory, override_settings
from django.views.debug import technical_500_response

from tenants import PLATFORM, TenantInfo, use_tenant

REPORTERS = (
    "tenants.http.error_reports.TenantExceptionReporter",
    "tenants.contrib.observability.error_reports.Reporter",
)


def page(request: HttpRequest, accept: str) -> str:
    request.META["HTTP_ACCEPT"] = accept
    try:
        raise ValueError("broken")
    except ValueError:
        return technical_500_response(request, *sys.exc_info()).content.decode()


@pytest.mark.parametrize("reporter", REPORTERS)
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_report_names_the_tenant_and_its_search_path(
    acme: TenantInfo, rf: RequestFactory, reporter: str, accept: str
) -> None:
    with override_settings(DEFAULT_EXCEPTION_REPORTER=reporter), use_tenant(acme):
        text = page(rf.get("/"), accept).replace("&quot;", '"')
    assert f'Active tenant: acme (search path "{acme.schema}", "extensions", pg_temp, role {acme.role})' in text


def test_report_on_the_platform_and_without_a_tenant_says_so(rf: RequestFactory) -> None:
    with override_settings(DEFAULT_EXCEPTION_REPORTER=REPORTERS[0]):
        with use_tenant(PLATFORM):
            assert "Active tenant: the platform (schema public)" in page(rf.get("/"), "text/html")
        assert "Active tenant: none" in page(rf.get("/"), "text/html")


def test_report_after_the_tenants_block_names_the_tenant_of_the_request(acme: TenantInfo, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.tenant = acme  # type: ignore[attr-defined]
    with override_settings(DEFAULT_EXCEPTION_REPORTER=REPORTERS[0]):
        assert "Active tenant: acme" in page(request, "text/plain")
