"""Suspending, renaming and checking tenants: the confirmation page, and its effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.models import AuditEvent, Operation, Tenant
from tenants.tasks import run_operation

Browser = Callable[..., Client]


def url(tenant: TenantInfo, name: str) -> str:
    return f"/admin/tenants/tenant/{tenant.id}/{name}/"


def text(response: Any) -> str:
    return unescape(response.content.decode())


def test_a_shop_is_suspended_with_a_notice_and_its_staff_get_a_link(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    assert "Suspend Acme" in text(browser.get(url(acme, "suspend")))
    assert Tenant.objects.get(slug="acme").status == "active"
    with django_capture_on_commit_callbacks(execute=True):
        page = text(browser.post(url(acme, "suspend"), {"notice": "Back on <Monday>"}, follow=True))
    assert "Back on <Monday>" in page
    link = re.search(r"http://acme\.localhost\S*/\?bypass=[\w-]+", page)
    assert link
    visitor, staff = (Client(HTTP_HOST=acme.host) for _ in range(2))
    closed = visitor.get("/")
    assert (closed.status_code, "Back on &lt;Monday&gt;" in closed.content.decode()) == (503, True)
    assert staff.get(link[0][link[0].index("/?") :]).status_code == 302
    assert staff.get("/").status_code == 200
    assert AuditEvent.objects.get(action="suspend", tenant_id=acme.id).detail == {"notice": "Back on <Monday>"}


def test_who_may_only_look_at_a_suspended_shop_gets_no_link(browser_of: Browser, acme: TenantInfo) -> None:
    Tenant.objects.filter(pk=acme.id).update(status="suspended", bypass="secret-way-in", notice="Back soon")
    page = text(browser_of("view_tenant").get(url(acme, "change")))
    assert "Back soon" in page
    assert "secret-way-in" not in page


def test_a_shop_is_renamed_and_answers_at_its_new_address(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    assert url(acme, "rename") in text(browser.get(url(acme, "change")))
    assert "http://acme.localhost" in text(browser.get(url(acme, "rename")))
    for slug, reason in {"globex": "already exists", "admin": "cannot name", "": "required"}.items():
        assert reason in text(browser.post(url(acme, "rename"), {"new_slug": slug}))
    with django_capture_on_commit_callbacks(execute=True):
        page = text(browser.post(url(acme, "rename"), {"new_slug": "acme-new"}, follow=True))
    assert "acme-new.localhost" in page
    answers = [Client(HTTP_HOST=f"{slug}.localhost").get("/api/v1/goods").status_code for slug in ("acme", "acme-new")]
    assert answers == [404, 200]
    event = AuditEvent.objects.get(action="rename", slug="acme-new")
    assert (event.slug, event.detail, event.actor) == ("acme-new", {"before": "acme"}, "operator mia")
    assert "Changed the slug to acme-new." in text(browser.get(url(acme, "history")))


@pytest.mark.parametrize("name", ["suspend", "rename"])
def test_who_may_only_look_is_asked_nothing(browser_of: Browser, acme: TenantInfo, name: str) -> None:
    browser = browser_of("view_tenant")
    assert browser.get(url(acme, name)).status_code == 403
    assert browser.post(url(acme, name), {"new_slug": "evil"}).status_code == 403
    assert Tenant.objects.filter(slug="acme", status="active").exists()


def test_checking_all_begins_with_a_button_that_is_for_those_who_may_change(
    browser: Client, browser_of: Browser, acme: TenantInfo
) -> None:
    check = "/admin/tenants/tenant/check/"
    assert check in text(browser.get("/admin/tenants/tenant/"))
    assert browser.get(check).status_code == 405
    assert browser_of("view_tenant").post(check).status_code == 403
    assert not Operation.objects.exists()
    answer = browser.post(check)
    assert Operation.objects.get().kind == "check"
    assert "Check all tenants" in text(browser.get(answer["Location"]))


def test_a_check_mends_what_it_may_and_tells_the_rest(live_browser: Client, live_tenant: TenantInfo) -> None:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_schemastate SET fingerprint = 'wrong' WHERE tenant_id = %s", [live_tenant.id])
    with use_tenant(live_tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute("DROP TABLE orders_orderline")
    answer = live_browser.post("/admin/tenants/tenant/check/")
    with use_tenant(PLATFORM):
        operation = Operation.objects.get()
    try:
        run_operation(operation.pk)
        page = text(live_browser.get(answer["Location"]))
        assert f"{live_tenant.slug}: the control plane had recorded other migrations: record corrected" in page
        assert f"{live_tenant.slug}: table orders_orderline is missing" in page
        with use_tenant(PLATFORM):
            event = AuditEvent.objects.get(action="correct record", tenant_id=live_tenant.id)
            assert event.actor == "operator night-shift"
    finally:
        with use_tenant(PLATFORM), connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
            operation.delete()
