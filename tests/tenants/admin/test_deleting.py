"""Taking a tenant away: never by accident, never the row alone."""

from __future__ import annotations

from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client

from tenants.context import TenantInfo
from tenants.models import Tenant
from tenants.postgresql.schemas import existing_roles, existing_schemas


def delete_page(tenant: TenantInfo) -> str:
    return f"/admin/tenants/tenant/{tenant.id}/delete/"


def test_a_tenant_goes_with_schema_and_role_after_its_slug_was_typed(browser: Client, acme: TenantInfo) -> None:
    answer = browser.post(delete_page(acme), {"slug": "acme"})
    assert answer["Location"] == "/admin/tenants/tenant/"
    assert not Tenant.objects.filter(slug="acme").exists()
    assert not existing_schemas([acme.schema])
    assert not existing_roles([acme.role])


def test_nothing_goes_before_the_slug_was_typed(browser: Client, acme: TenantInfo) -> None:
    page = browser.get(delete_page(acme))
    assert "acme" in page.content.decode()
    for typed in ("", "Acme", "globex", "acme-"):
        assert browser.post(delete_page(acme), {"slug": typed, "post": "yes"}).status_code == 200
    assert Tenant.objects.filter(slug="acme").exists()
    assert existing_schemas([acme.schema])


def test_rows_cannot_be_deleted_from_the_list(browser: Client, acme: TenantInfo) -> None:
    assert "delete_selected" not in browser.get("/admin/tenants/tenant/").content.decode()
    browser.post("/admin/tenants/tenant/", {"action": "delete_selected", "_selected_action": [acme.id], "post": "yes"})
    assert Tenant.objects.filter(slug="acme").exists()


def test_a_deletion_is_written_into_the_log(browser: Client, acme: TenantInfo) -> None:
    browser.post(delete_page(acme), {"slug": "acme"})
    assert LogEntry.objects.get(action_flag=DELETION).object_id == str(acme.id)
