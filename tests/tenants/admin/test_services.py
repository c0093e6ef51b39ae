"""Services in the operator's admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client

from tenants.context import TenantInfo
from tenants.models import AuditEvent, Service
from tests.tenants.admin.test_domains import errors_of

SERVICES = "/admin/tenants/service/"


def order(**changes: Any) -> dict[str, Any]:
    return {
        "name": "stock", "is_active": "on", "prefixes": "/stock/", "connect_seconds": "2", "attempt_seconds": "10",
        "total_seconds": "30", "idle_seconds": "60", "retries": "2", "max_body_mib": "100",
        "addresses-TOTAL_FORMS": "1", "addresses-INITIAL_FORMS": "0", "addresses-0-url": "http://10.1.0.7:8003",
        "addresses-0-is_active": "on", **changes,
    }  # fmt: skip


def test_a_service_is_registered_and_it_is_written_down(browser: Client, acme: TenantInfo) -> None:
    assert browser.post(f"{SERVICES}add/", order(tenants=[acme.id])).status_code == 302
    service = Service.objects.get(name="stock")
    assert [tenant.pk for tenant in service.tenants.all()] == [acme.id]
    assert [address.url for address in service.addresses.all()] == ["http://10.1.0.7:8003"]
    event = AuditEvent.objects.get(action="register service")
    assert (event.actor, event.detail) == ("operator mia", {"service": "stock"})
    page = browser.get(SERVICES).content.decode()
    assert "/stock/" in page
    assert "1 tenant" in page


def test_two_services_cannot_have_one_path(browser: Client) -> None:
    Service.objects.create(name="other", prefixes="/stock/")
    assert "/stock/ leads to other already." in errors_of(browser.post(f"{SERVICES}add/", order()))


def test_a_removed_service_is_written_down(browser: Client) -> None:
    service = Service.objects.create(name="stock")
    assert browser.post(f"{SERVICES}{service.pk}/delete/", {"post": "yes"}).status_code == 302
    assert AuditEvent.objects.get(action="remove service").detail == {"service": "stock"}


def test_who_may_only_look_changes_nothing(browser_of: Callable[..., Client]) -> None:
    service = Service.objects.create(name="stock")
    browser = browser_of("view_service")
    assert browser.get(f"{SERVICES}{service.pk}/change/").status_code == 200
    assert browser.post(f"{SERVICES}add/", order(name="new")).status_code == 403
    assert browser.post(f"{SERVICES}{service.pk}/change/", order(is_active="")).status_code == 403


def test_who_has_no_right_to_them_sees_no_services(browser_of: Callable[..., Client]) -> None:
    assert browser_of("view_tenant").get(SERVICES).status_code == 403
