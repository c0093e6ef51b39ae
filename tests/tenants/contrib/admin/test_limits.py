"""Limits and throttled requests on the pages of tenants and on the dashboard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from tenants import TenantInfo
from tenants.contrib.limits.models import LimitHit
from tenants.models import AuditEvent, Tenant
from tenants.registry.lookup import registry
from tests.settings import TENANTS
from tests.tenants.contrib.admin.test_tenant_page import errors_of, form_of, page_of

PLANS = {"standard": {"CONCURRENCY": 4, "QUEUE": 9, "RATE": 50, "BURST": 60}, "large": {"STATEMENT_SECONDS": 30}}


@pytest.fixture(autouse=True)
def _plans() -> Any:
    with override_settings(TENANTS={**TENANTS, "PLANS": PLANS}):
        yield


def limits_of(tenant: TenantInfo) -> Any:
    registry.clear()
    found = registry.get(f"slug:{tenant.slug}")
    assert found is not None
    return found.limits


def test_the_page_says_what_is_in_force_and_offers_the_plans(browser: Client, acme: TenantInfo) -> None:
    page = browser.get(page_of(acme)).text
    assert "4 concurrent requests, 9 queued, 50 requests per second, burst of 60" in page
    assert "Default (standard)" in page
    assert '<option value="large"' in page


def test_a_plan_and_own_limits_are_given_and_written_into_the_log(browser: Client, acme: TenantInfo) -> None:
    response = browser.post(page_of(acme), form_of(acme, plan="large", max_rate="5", max_concurrency="0"))
    assert response.status_code == 302
    limits = limits_of(acme)
    assert (limits.statement_seconds, limits.rate, limits.concurrency) == (30, 5, 0)
    event = AuditEvent.objects.get(action="limits")
    assert (event.slug, event.actor) == ("acme", "operator mia")
    assert event.detail == {"plan": "large", "max_rate": 5, "max_concurrency": 0}


def test_what_is_left_alone_is_not_written_into_the_log(browser: Client, acme: TenantInfo) -> None:
    assert browser.post(page_of(acme), form_of(acme, name="Other")).status_code == 302
    assert not AuditEvent.objects.filter(action="limits").exists()


@pytest.mark.parametrize("field", ["max_rate", "max_concurrency", "max_queue", "max_burst", "max_statement_seconds"])
@pytest.mark.parametrize("value", ["-1", "x", "99999999999"])
def test_what_is_no_limit_is_refused(browser: Client, acme: TenantInfo, field: str, value: str) -> None:
    assert errors_of(browser.post(page_of(acme), form_of(acme, **{field: value})))
    assert getattr(Tenant.objects.get(pk=acme.id), field) is None


def test_a_plan_that_is_no_longer_offered_survives_a_saved_form(browser: Client, acme: TenantInfo) -> None:
    Tenant.objects.filter(pk=acme.id).update(plan="of old")
    assert browser.post(page_of(acme), form_of(acme, plan="of old", name="Acme AG")).status_code == 302
    assert Tenant.objects.get(pk=acme.id).plan == "of old"
    assert limits_of(acme).rate == 50, "it counts as the first"


def test_page_and_dashboard_tell_who_met_their_limits_lately(
    browser: Client, acme: TenantInfo, globex: TenantInfo
) -> None:
    LimitHit.objects.all().delete()  # that of shops in other tests is written by a thread, and for good
    assert "Throttled in" not in browser.get("/admin/").text
    assert "Never" in browser.get(page_of(acme)).text
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    LimitHit.objects.create(tenant_id=acme.id, hour=hour, refused_rate=1234, cut_statements=1)
    LimitHit.objects.create(tenant_id=acme.id, hour=hour - timedelta(hours=2), refused_rate=1)
    LimitHit.objects.create(tenant_id=globex.id, hour=hour - timedelta(hours=30), refused_concurrency=7)
    told = "1235 requests over the rate limit, 1 SQL statement timed out"
    assert told in browser.get(page_of(acme)).text
    dashboard = browser.get("/admin/").text
    assert told in dashboard
    assert "7 requests over the concurrency limit" not in dashboard


def test_who_may_only_look_changes_no_limit(browser_of: Any, acme: TenantInfo) -> None:
    looker = browser_of("view_tenant")
    assert "concurrent requests" in looker.get(page_of(acme)).text
    assert looker.post(page_of(acme), form_of(acme, max_rate="1")).status_code == 403
    assert limits_of(acme).rate == 50
