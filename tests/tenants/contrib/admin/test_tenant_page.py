"""A tenant's page: its values, its form and its buttons."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.db import connection
from django.test import Client

from tenants.context import TenantInfo, use_tenant
from tenants.models import AuditEvent, Domain, SchemaState, Tenant


def page_of(tenant: TenantInfo, name: str = "change") -> str:
    return f"/admin/tenants/tenant/{tenant.id}/{name}/"


def form_of(tenant: TenantInfo, *domains: dict[str, Any], **values: str) -> dict[str, Any]:
    """Return the form data of the tenant's page, with these rows of domains."""
    data: dict[str, Any] = {
        "name": tenant.name,
        "language": tenant.language,
        "currency": tenant.currency,
        "time_zone": tenant.time_zone,
        "domains-TOTAL_FORMS": len(domains),
        "domains-INITIAL_FORMS": sum("id" in domain for domain in domains),
        "mounts-TOTAL_FORMS": 0,
        "mounts-INITIAL_FORMS": 0,
        **values,
    }
    for number, domain in enumerate(domains):
        data |= {f"domains-{number}-{key}": value for key, value in {"tenant": tenant.id, **domain}.items()}
    return data


def errors_of(response: Any) -> str:
    assert response.status_code == 200
    return unescape(" ".join(str(error) for error in response.context["errors"]))


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


# --- What it tells


def test_the_page_tells_schema_role_size_contents_and_migrations(browser: Client, acme: TenantInfo) -> None:
    page = browser.get(page_of(acme)).content.decode()
    for fact in (acme.schema, acme.role, r"\d\s[KM]B", r"\d\d tables, 1 user account", "Up to date"):
        assert re.search(fact, page), fact


def test_the_page_tells_why_and_when_a_migration_failed(browser: Client, acme: TenantInfo) -> None:
    SchemaState.objects.filter(tenant=acme.id).update(outcome="failed", error="ProgrammingError: no <such> thing")
    page = browser.get(page_of(acme)).content.decode()
    assert "ProgrammingError: no &lt;such&gt; thing" in page
    assert "tried" in page


def test_page_of_an_unknown_tenant_redirects_to_the_index(browser: Client) -> None:
    for name in ("change", "delete"):
        assert browser.get(f"/admin/tenants/tenant/0/{name}/")["Location"] == "/admin/"
    assert browser.post("/admin/tenants/tenant/0/suspend/")["Location"] == "/admin/"


# --- What can be changed


def test_name_language_currency_and_time_zone_can_be_changed(browser: Client, acme: TenantInfo) -> None:
    values = {"name": "아크메", "language": "ko", "currency": "KRW", "time_zone": "Asia/Seoul"}
    assert browser.post(page_of(acme), form_of(acme, **values)).status_code == 302
    assert Tenant.objects.values(*values).get(pk=acme.id) == values


def test_slug_role_and_status_cannot_be_changed_there(browser: Client, acme: TenantInfo) -> None:
    evil = {"slug": "evil", "role": "postgres", "status": "suspended", "variant": "evil", "server": "evil"}
    before = Tenant.objects.values(*evil).get(pk=acme.id)
    assert browser.post(page_of(acme), form_of(acme, **evil)).status_code == 302
    assert Tenant.objects.values(*evil).get(pk=acme.id) == before


def test_a_currency_that_is_no_longer_offered_survives_a_saved_form(browser: Client, acme: TenantInfo) -> None:
    Tenant.objects.filter(pk=acme.id).update(currency="DEM")
    assert browser.post(page_of(acme), form_of(acme, currency="DEM", name="Acme AG")).status_code == 302
    assert Tenant.objects.get(pk=acme.id).currency == "DEM"


# --- Its domains


def test_a_domain_is_added_in_its_one_spelling(browser: Client, acme: TenantInfo) -> None:
    row = {"host": " 상가.Example. ", "is_primary": "on"}
    assert browser.post(page_of(acme), form_of(acme, row)).status_code == 302
    domain = Domain.objects.get(tenant=acme.id)
    assert (domain.host, domain.is_primary) == ("xn--o39ao70b.example", True)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("no host!", "is not a host name"),
        ("other.localhost", "Names below localhost are reserved for slugs."),
        ("127.0.0.1", "This host is the platform's."),
        ("taken.example", "This host already belongs to a tenant."),
        ("Taken.Example.", "This host already belongs to a tenant."),
    ],
)
def test_a_domain_that_will_not_do_says_why(
    browser: Client, acme: TenantInfo, globex: TenantInfo, host: str, reason: str
) -> None:
    Domain.objects.create(tenant_id=globex.id, host="taken.example")
    assert reason in errors_of(browser.post(page_of(acme), form_of(acme, {"host": host})))
    assert not Domain.objects.filter(tenant=acme.id).exists()


def test_the_primary_place_is_handed_over_in_one_go(browser: Client, acme: TenantInfo) -> None:
    old = Domain.objects.create(tenant_id=acme.id, host="a.example", is_primary=True)
    new = Domain.objects.create(tenant_id=acme.id, host="b.example")
    rows = [{"id": new.pk, "host": new.host, "is_primary": "on"}, {"id": old.pk, "host": old.host}]
    for order in (rows, rows[::-1]):
        Domain.objects.filter(pk=new.pk).update(is_primary=False)
        Domain.objects.filter(pk=old.pk).update(is_primary=True)
        assert browser.post(page_of(acme), form_of(acme, *order)).status_code == 302
        assert list(Domain.objects.filter(tenant=acme.id, is_primary=True)) == [new]


def test_two_primary_domains_are_refused(browser: Client, acme: TenantInfo) -> None:
    rows = [{"host": "a.example", "is_primary": "on"}, {"host": "b.example", "is_primary": "on"}]
    page = browser.post(page_of(acme), form_of(acme, *rows))
    assert "Only one domain can be primary." in page.content.decode()
    assert not Domain.objects.filter(tenant=acme.id).exists()


def test_a_domain_can_be_removed(browser: Client, acme: TenantInfo) -> None:
    domain = Domain.objects.create(tenant_id=acme.id, host="a.example", is_primary=True)
    row = {"id": domain.pk, "host": domain.host, "is_primary": "on", "DELETE": "on"}
    assert browser.post(page_of(acme), form_of(acme, row)).status_code == 302
    assert not Domain.objects.filter(tenant=acme.id).exists()


# --- Its buttons


def test_a_suspended_shop_is_closed_and_a_resumed_one_open(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    visitor = Client(HTTP_HOST=acme.host)
    for button, status in (("suspend", 503), ("resume", 200)):
        with django_capture_on_commit_callbacks(execute=True):
            browser.post(page_of(acme, button))
        assert visitor.get("/").status_code == status


def test_everybody_is_signed_out_of_a_shop(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    owner = Client(HTTP_HOST=acme.host)
    with use_tenant(acme):
        owner.force_login(User.objects.get(email="owner@acme.example"))
    assert owner.get("/admin/").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(page_of(acme, "sign_out"))
    assert owner.get("/admin/").status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_button_clears_the_cache_of_this_shop_only(
    browser: Client, acme: TenantInfo, globex: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant):
            cache.set("key", "kept")
    assert page_of(acme, "clear_cache") in browser.get(page_of(acme, "change")).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(page_of(acme, "clear_cache"))
    with use_tenant(acme):
        assert cache.get("key") is None
    with use_tenant(globex):
        assert cache.get("key") == "kept"
    event = AuditEvent.objects.get(action="clear cache")
    assert (event.tenant_id, event.actor) == (acme.id, "operator mia")
    assert "Cleared the cache." in browser.get(page_of(acme, "history")).content.decode()


def test_a_link_cannot_empty_a_cache(browser: Client, acme: TenantInfo) -> None:
    assert browser.get(page_of(acme, "clear_cache")).status_code == 405
    assert not AuditEvent.objects.filter(action="clear cache").exists()


def test_a_link_cannot_suspend(browser: Client, acme: TenantInfo) -> None:
    assert browser.get(page_of(acme, "suspend")).status_code == 200  # which asks first
    assert Tenant.objects.get(pk=acme.id).status == "active"


def test_another_sites_form_cannot_suspend(operator: Any, acme: TenantInfo) -> None:
    browser = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.post(page_of(acme, "suspend")).status_code == 403
    assert Tenant.objects.get(pk=acme.id).status == "active"


@pytest.mark.parametrize(("action", "status"), [("suspend_selected", "suspended"), ("resume_selected", "active")])
def test_many_are_suspended_and_resumed_from_the_list(
    browser: Client, acme: TenantInfo, globex: TenantInfo, initech: TenantInfo, action: str, status: str
) -> None:
    Tenant.objects.filter(pk=globex.id).update(status="suspended")
    browser.post("/admin/tenants/tenant/", {"action": action, "_selected_action": [acme.id, globex.id]})
    assert set(Tenant.objects.filter(pk__in=[acme.id, globex.id]).values_list("status", flat=True)) == {status}
    assert Tenant.objects.get(pk=initech.id).status == "active"


def test_what_was_done_is_written_into_the_log(browser: Client, acme: TenantInfo) -> None:
    browser.post(page_of(acme, "suspend"))
    assert "Suspended." in browser.get(page_of(acme, "history")).content.decode()


def test_a_tenant_that_is_behind_is_migrated_by_a_button(browser: Client, acme: TenantInfo) -> None:
    assert "Migrate now" not in browser.get(page_of(acme)).content.decode()
    # As if `orders` had never been migrated here.
    with use_tenant(acme.as_owner()), connection.cursor() as cursor:
        cursor.execute("DROP TABLE orders_orderline, orders_order, orders_idempotentresponse")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'orders'")
        number = cursor.rowcount
    SchemaState.objects.filter(tenant=acme.id).update(fingerprint="old")
    assert "Migrate now" in browser.get(page_of(acme)).content.decode()
    answer = browser.post(page_of(acme, "migrate"))
    assert f"{number} migration" in said(answer)
    with use_tenant(acme):
        assert "orders_order" in connection.introspection.table_names()
    assert "Migrate now" not in browser.get(page_of(acme)).content.decode()


def test_a_migration_that_fails_says_why_and_leaves_the_shop_as_it_was(
    live_browser: Client, live_tenant: TenantInfo
) -> None:
    with use_tenant(live_tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'orders'")
    SchemaState.objects.filter(tenant=live_tenant.id).update(fingerprint="old")
    answer = live_browser.post(page_of(live_tenant, "migrate"))
    assert f"Migration failed for {live_tenant.name}, the schema is unchanged" in said(answer)
    assert "already exists" in said(answer)
    page = live_browser.get(page_of(live_tenant)).content.decode()
    assert "Failed" in page
    assert "Migrate now" in page
