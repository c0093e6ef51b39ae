"""Services in the operator's admin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenants.context import TenantInfo
from tenants.contrib.admin.service_status import panel
from tenants.contrib.services.models import Service, ServiceReport
from tenants.contrib.services.stats import RequestStats
from tenants.contrib.services.status_report import save_report
from tenants.models import AuditEvent
from tests.tenants.contrib.admin.test_domains import errors_of

SERVICES = "/admin/tenants_services/service/"


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
    assert "/stock/ is already used by service other." in errors_of(browser.post(f"{SERVICES}add/", order()))


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


def report(
    breaker: str = "closed",
    *,
    healthy: bool = True,
    process: str = "one:1",
    failures: int = 0,
    blocked_tenants: Sequence[int] = (),
) -> None:
    stats = RequestStats()
    for _ in range(3):
        stats.record(200, 0.02)
    stats.record(503, 2.0)
    address = {
        "url": "http://10.1.0.7:8003", "healthy": healthy, "breaker": breaker, "in_flight": 2, "sockets": 7,
        "attempts": 9, "failures": failures, "blocked_tenants": list(blocked_tenants),
    }  # fmt: skip
    ServiceReport.objects.create(
        process=process, role="gateway", facts={"stock": {**stats.recent(), "addresses": [address]}}
    )


def test_the_live_page_puts_together_what_processes_have_seen(browser: Client) -> None:
    Service.objects.create(name="stock").addresses.create(url="http://10.1.0.7:8003")
    report(failures=1)
    report(process="two:2", failures=2)
    page = browser.get(f"{SERVICES}live/").content.decode()
    assert f'data-follow="{SERVICES}live/figures/"' in page
    figures = browser.get(f"{SERVICES}live/figures/").json()
    html = " ".join(figures["html"].split())
    assert not figures["is_finished"]
    for told in ("25.0 %", "25 ms", "3 of 18", ">4</td>", ">14</td>", "one:1", "two:2", "healthy"):
        assert told in html, told


@pytest.mark.parametrize(
    ("facts", "state"), [({"healthy": False}, "unhealthy"), ({"breaker": "open"}, "circuit open"), ({}, "healthy")]
)
def test_the_worst_that_any_process_has_seen_is_told(browser: Client, facts: dict[str, Any], state: str) -> None:
    Service.objects.create(name="stock").addresses.create(url="http://10.1.0.7:8003")
    report()
    report(process="two:2", **facts)
    (service,) = panel()["services"]
    assert service.addresses["http://10.1.0.7:8003"].state[1] == state


def test_shops_that_alone_leave_an_address_alone_are_named(browser: Client, acme: TenantInfo) -> None:
    Service.objects.create(name="stock").addresses.create(url="http://10.1.0.7:8003")
    report(blocked_tenants=[acme.id])
    report(process="two:2", blocked_tenants=[acme.id, 987_654])  # the other one is purged by now
    html = browser.get(f"{SERVICES}live/figures/").json()["html"]
    assert "circuit open for some tenants" in html
    assert f">{acme.slug}<" in html


def test_what_a_process_has_seen_long_ago_is_not_counted(browser: Client) -> None:
    Service.objects.create(name="stock").addresses.create(url="http://10.1.0.7:8003")
    report()
    ServiceReport.objects.update(at=timezone.now() - timedelta(seconds=30))
    (service,) = panel()["services"]
    assert (service.requests, service.addresses["http://10.1.0.7:8003"].state[1]) == (0, "no requests yet")


def test_a_process_writes_over_what_it_wrote_and_takes_the_old_away(office: None) -> None:
    ServiceReport.objects.create(process="gone:1", role="gateway", at=timezone.now() - timedelta(minutes=5))
    save_report("shop", {"stock": 1})
    save_report("shop", {"stock": 2})
    (row,) = ServiceReport.objects.all()
    assert (row.role, row.facts) == ("shop", {"stock": 2})


def test_an_empty_page_says_what_to_do(browser: Client) -> None:
    page = browser.get(f"{SERVICES}live/").content.decode()
    assert "No service is registered." in page
    assert "manage.py run_gateway" in page


def test_who_may_not_look_at_services_sees_no_figures(browser_of: Callable[..., Client]) -> None:
    browser = browser_of("view_tenant")
    assert browser.get(f"{SERVICES}live/").status_code == 403
    assert browser.get(f"{SERVICES}live/figures/").status_code == 403
