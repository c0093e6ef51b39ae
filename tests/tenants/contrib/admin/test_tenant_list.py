"""The list of tenants, and the dashboard."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from tenants.context import TenantInfo, use_tenant
from tenants.models import Domain, SchemaState, Tenant

TENANTS = "/admin/tenants/tenant/"


def many_tenants(number: int) -> None:
    """Add rows without schemas, some with a domain and a state."""
    tenants = Tenant.objects.bulk_create([Tenant(slug=f"many-{n}", name=f"Many {n}") for n in range(number)])
    Domain.objects.bulk_create(
        [Domain(tenant=tenant, host=f"{tenant.slug}.example", is_primary=True) for tenant in tenants[::2]]
    )
    SchemaState.objects.bulk_create(
        [SchemaState(tenant=tenant, fingerprint="old", outcome="migrated") for tenant in tenants[::3]]
    )


def queries_for(browser: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = browser.get(url)
        response.render() if hasattr(response, "render") else None
    assert response.status_code == 200
    return len(queries)


def cells_of(page: str) -> dict[str, str]:
    """Return the texts of the only row by column."""
    cells = re.findall(r'<t[dh] class="field-(\w+)[^>]*>(.*?)</t[dh]>', page, re.DOTALL)
    return {column: " ".join(unescape(strip_tags(text)).split()) for column, text in cells}


def test_a_tenant_is_listed_with_address_status_schema_size_and_migrations(browser: Client, acme: TenantInfo) -> None:
    page = browser.get(TENANTS, {"q": "acme"}).content.decode()
    cells = cells_of(page)
    assert "Acme" in cells["tenant"]
    assert "acme" in cells["tenant"]
    assert cells["address"] == "acme.localhost"
    assert 'href="http://acme.localhost:8000/"' in page
    assert cells["status_label"] == "Active"
    assert cells["schema"] == acme.schema
    assert re.fullmatch(r"[\d.]+ [KM]B", cells["size"])
    assert cells["migrations"] == "Up to date"


@pytest.mark.parametrize("url", [TENANTS, "/admin/", f"{TENANTS}?migrations=behind", "/admin/tenants/domain/"])
def test_a_thousand_tenants_cost_no_more_queries_than_a_few(browser: Client, acme: TenantInfo, url: str) -> None:
    many_tenants(60)  # more than one page
    browser.get(url)
    few = queries_for(browser, url)
    Tenant.objects.filter(slug__startswith="many-").delete()
    many_tenants(1000)
    assert queries_for(browser, url) == few


def test_a_thousand_tenants_are_paged(browser: Client) -> None:
    many_tenants(1000)
    assert browser.get(TENANTS).content.count(b"action-select") < 60


def test_tenants_are_found_by_slug_name_and_domain(browser: Client, initech: TenantInfo) -> None:
    Domain.objects.create(tenant_id=initech.id, host="tps-reports.example")
    for term in ("initech", "이니텍", "tps-rep"):
        changelist = browser.get(TENANTS, {"q": term}).context["cl"]
        assert [tenant.slug for tenant in changelist.result_list] == ["initech"]


def test_tenants_are_filtered_by_status(browser: Client, acme: TenantInfo) -> None:
    Tenant.objects.filter(pk=acme.id).update(status="suspended")
    changelist = browser.get(TENANTS, {"status__exact": "suspended"}).context["cl"]
    assert [tenant.slug for tenant in changelist.result_list] == ["acme"]


def test_tenants_are_filtered_by_their_migrations(
    browser: Client, acme: TenantInfo, globex: TenantInfo, initech: TenantInfo
) -> None:
    SchemaState.objects.filter(tenant=acme.id).update(fingerprint="old")
    SchemaState.objects.filter(tenant=globex.id).update(outcome="failed", error="ProgrammingError: no such thing")
    found = {
        state: [tenant.slug for tenant in browser.get(TENANTS, {"migrations": state}).context["cl"].result_list]
        for state in ("behind", "failed", "current")
    }
    assert found == {"behind": ["acme"], "failed": ["globex"], "current": ["initech"]}


def test_a_failed_migration_shows_its_error(browser: Client, acme: TenantInfo) -> None:
    SchemaState.objects.filter(tenant=acme.id).update(outcome="failed", error="ProgrammingError: no such thing")
    assert "ProgrammingError: no such thing" in browser.get(TENANTS).content.decode()


def test_a_row_without_a_schema_is_shown_as_such(browser: Client) -> None:
    row = Tenant.objects.create(slug="empty-lot", name="Empty lot")
    assert "no schema" in browser.get(TENANTS).content.decode()
    page = browser.get(f"{TENANTS}{row.pk}/change/")
    assert page.status_code == 200
    assert "no schema" in page.content.decode()


def test_the_dashboard_counts_tenants_by_status_and_migrations(
    browser: Client, acme: TenantInfo, globex: TenantInfo
) -> None:
    Tenant.objects.filter(pk=acme.id).update(status="suspended")
    SchemaState.objects.filter(tenant=globex.id).update(fingerprint="old")
    figures = {str(figure.title): figure.count for figure in browser.get("/admin/").context["figures"]}
    total = Tenant.objects.count()
    assert figures == {
        "Tenants": total,
        "Active": total - 1,
        "Suspended": 1,
        "Pending migrations": 1,
        "Failed migrations": 0,
    }


def test_every_figure_of_the_dashboard_leads_to_the_tenants_it_counts(browser: Client, acme: TenantInfo) -> None:
    SchemaState.objects.filter(tenant=acme.id).update(fingerprint="old")
    for figure in browser.get("/admin/").context["figures"]:
        assert browser.get(figure.url).context["cl"].result_count == figure.count


def test_the_dashboard_lists_the_biggest_shops_first(browser: Client, acme: TenantInfo, globex: TenantInfo) -> None:
    sizes = [size for _, size in browser.get("/admin/").context["largest"]]
    assert len(sizes) >= 2
    assert sizes == sorted(sizes, reverse=True)


def test_many_tenants_only_the_likely_largest_are_measured(
    browser: Client, globex: TenantInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.contrib.admin.dashboard._MEASURED", 1)
    with use_tenant(globex.as_owner()), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filler AS SELECT repeat('x', 1000) AS text FROM generate_series(1, 40000)")
        cursor.execute("ANALYZE filler")
    assert [tenant.slug for tenant, _ in browser.get("/admin/").context["largest"]] == ["globex"]


def test_the_dashboard_tells_no_figures_to_who_may_not_see_tenants(browser_of, acme: TenantInfo) -> None:
    page = browser_of().get("/admin/")
    assert page.status_code == 200
    assert "figures" not in page.context
    assert "Acme" not in page.content.decode()


def test_a_stranger_is_sent_to_the_login_page(office: None, operator: User) -> None:
    answer = Client(HTTP_HOST="localhost").get(TENANTS)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")
