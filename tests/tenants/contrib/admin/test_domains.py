"""The admin of domains."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.test import Client

from tenants.context import TenantInfo
from tenants.models import AuditEvent, Domain

DOMAINS = "/admin/tenants/domain/"


def errors_of(response: Any) -> str:
    assert response.status_code == 200
    return unescape(" ".join(str(error) for error in response.context["errors"]))


def test_a_domain_is_added_and_answers_at_once(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    visitor = Client(HTTP_HOST="shop.example")
    assert visitor.get("/").status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(f"{DOMAINS}add/", {"tenant": acme.id, "host": "Shop.Example", "is_primary": "on"})
    assert Domain.objects.get(host="shop.example").tenant_id == acme.id
    assert visitor.get("/").status_code == 200


def test_a_new_primary_domain_makes_an_alias_of_the_former_one(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    Domain.objects.create(tenant_id=acme.id, host="a.example", is_primary=True)
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(f"{DOMAINS}add/", {"tenant": acme.id, "host": "b.example", "is_primary": "on"})
    assert dict(Domain.objects.values_list("host", "is_primary")) == {"a.example": False, "b.example": True}
    moved = Client(HTTP_HOST="a.example").get("/")
    assert (moved.status_code, moved["Location"]) == (308, "http://b.example:8000/")


def test_a_taken_host_is_refused_in_any_spelling(browser: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    Domain.objects.create(tenant_id=acme.id, host="shop.example")
    page = browser.post(f"{DOMAINS}add/", {"tenant": globex.id, "host": "SHOP.example."})
    assert "This host already belongs to a tenant." in errors_of(page)


def test_the_platforms_names_are_refused(browser: Client, globex: TenantInfo) -> None:
    page = browser.post(f"{DOMAINS}add/", {"tenant": globex.id, "host": "acme.localhost"})
    assert "Names below localhost are reserved for slugs." in errors_of(page)


def test_a_domain_stays_with_its_tenant(browser: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    domain = Domain.objects.create(tenant_id=acme.id, host="shop.example")
    browser.post(f"{DOMAINS}{domain.pk}/change/", {"tenant": globex.id, "host": "new.example"})
    domain.refresh_from_db()
    assert (domain.tenant_id, domain.host) == (acme.id, "new.example")


def test_domains_are_found_by_host_and_by_tenant(browser: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    Domain.objects.create(tenant_id=acme.id, host="one.example")
    Domain.objects.create(tenant_id=globex.id, host="two.example")
    for term, host in (("one", "one.example"), ("globex", "two.example")):
        found = browser.get(DOMAINS, {"q": term}).context["cl"].result_list
        assert [domain.host for domain in found] == [host]


def test_a_domain_can_be_deleted(browser: Client, acme: TenantInfo) -> None:
    domain = Domain.objects.create(tenant_id=acme.id, host="shop.example")
    assert browser.post(f"{DOMAINS}{domain.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Client(HTTP_HOST="shop.example").get("/").status_code == 404


def test_changes_of_domains_are_in_the_audit_log(browser: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    """A host that is removed here and added to another tenant takes its visitors along."""
    browser.post(f"{DOMAINS}add/", {"tenant": acme.id, "host": "shop.example"})
    domain = Domain.objects.get()
    browser.post(f"{DOMAINS}{domain.pk}/change/", {"host": "other.example"})
    browser.post(f"{DOMAINS}{domain.pk}/delete/", {"post": "yes"})
    browser.post(f"{DOMAINS}add/", {"tenant": globex.id, "host": "shop.example"})
    chosen = {"action": "delete_selected", "_selected_action": [Domain.objects.get().pk], "post": "yes"}
    browser.post(DOMAINS, chosen)
    events = AuditEvent.objects.filter(action="change domains").order_by("pk")
    assert [(event.slug, *event.detail["now"]) for event in events] == [
        ("acme", "shop.example"), ("acme", "other.example"), ("acme",), ("globex", "shop.example"), ("globex",),
    ]  # fmt: skip
    assert {event.actor.split()[0] for event in events} == {"operator"}
