"""Deleting a tenant: confirmed by its slug, with its schema, and undone by undelete."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tenants.context import TenantInfo
from tenants.models import AuditEvent, Tenant
from tenants.postgresql.tenant_schemas import existing_schemas


def page_of(tenant: TenantInfo, name: str) -> str:
    return f"/admin/tenants/tenant/{tenant.id}/{name}/"


def status_of(tenant: TenantInfo) -> str:
    return Tenant.objects.get(pk=tenant.id).status


def test_a_tenant_is_deleted_after_its_slug_was_typed_and_can_be_had_back(
    browser: Client, acme: TenantInfo, django_capture_on_commit_callbacks: Any
) -> None:
    visitor = Client(HTTP_HOST=acme.host)
    with django_capture_on_commit_callbacks(execute=True):
        page = browser.post(page_of(acme, "delete"), {"slug": "acme"}, follow=True).content.decode()
    assert "You can undelete it until" in page
    assert visitor.get("/").status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(page_of(acme, "undelete"))
    assert visitor.get("/").status_code == 200


def test_nothing_is_deleted_before_the_slug_was_typed(browser: Client, acme: TenantInfo) -> None:
    page = browser.get(page_of(acme, "delete"))
    assert "You can undelete it for 30 days" in page.content.decode()
    for typed in ("", "Acme", "globex", "acme-"):
        assert browser.post(page_of(acme, "delete"), {"slug": typed, "post": "yes"}).status_code == 200
    assert status_of(acme) == "active"


def test_rows_cannot_be_deleted_from_the_list(browser: Client, acme: TenantInfo) -> None:
    assert "delete_selected" not in browser.get("/admin/tenants/tenant/").content.decode()
    deletion = {"action": "delete_selected", "_selected_action": [acme.id], "post": "yes"}
    browser.post("/admin/tenants/tenant/", deletion)
    assert status_of(acme) == "active"
    assert existing_schemas([acme.schema])


def test_a_deleted_tenant_can_neither_be_opened_nor_deleted_again(browser: Client, acme: TenantInfo) -> None:
    browser.post(page_of(acme, "delete"), {"slug": "acme"})
    for button in ("suspend", "resume"):
        assert "is deleted. To restore it" in browser.post(page_of(acme, button), follow=True).content.decode()
    assert browser.post(page_of(acme, "delete"), {"slug": "acme"}).status_code == 403
    assert status_of(acme) == "deleted"
    page = browser.get(page_of(acme, "change")).content.decode()
    assert "Undelete" in page
    assert "Delete tenant" not in page


def test_a_deleted_tenant_among_the_selected_stops_no_other(
    browser: Client, acme: TenantInfo, globex: TenantInfo
) -> None:
    browser.post(page_of(acme, "delete"), {"slug": "acme"})
    selected = {"action": "suspend_selected", "_selected_action": [acme.id, globex.id]}
    browser.post("/admin/tenants/tenant/", selected)
    assert (status_of(acme), status_of(globex)) == ("deleted", "suspended")


def test_what_an_operator_does_to_a_tenant_is_written_down_with_their_name(browser: Client, acme: TenantInfo) -> None:
    browser.post(page_of(acme, "suspend"))
    browser.post(page_of(acme, "resume"))
    browser.post(page_of(acme, "delete"), {"slug": "acme"})
    browser.post(page_of(acme, "undelete"))
    events = AuditEvent.objects.filter(tenant_id=acme.id, actor="operator mia").order_by("id")
    assert list(events.values_list("action", flat=True)) == ["suspend", "resume", "delete", "undelete"]


def test_a_deletion_is_in_the_tenants_history(browser: Client, acme: TenantInfo) -> None:
    browser.post(page_of(acme, "delete"), {"slug": "acme"})
    assert "Deleted." in browser.get(page_of(acme, "history")).content.decode()
