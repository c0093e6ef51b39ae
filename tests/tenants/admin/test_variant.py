"""Variants in the operator's admin: a shop is opened with one, and an open shop gets another."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.models import Operation
from tenants.operations.run import run_operation
from tenants.registry import tenant_by_slug


def test_the_form_offers_the_variants_that_the_shop_has_not(browser: Client, acme: TenantInfo) -> None:
    page = browser.get(f"/admin/tenants/tenant/{acme.id}/variant/")
    assert page.context["form"].fields["variant"].choices == [("customer_a", "customer_a"), ("grocer", "grocer")]
    assert (
        f"/admin/tenants/tenant/{acme.id}/variant/"
        in browser.get(f"/admin/tenants/tenant/{acme.id}/change/").content.decode()
    )


def test_a_worker_gives_the_shop_the_variant_that_was_chosen(browser: Client, acme: TenantInfo) -> None:
    answer = browser.post(f"/admin/tenants/tenant/{acme.id}/variant/", {"variant": "customer_a"})
    with use_tenant(PLATFORM):
        operation = Operation.objects.get(kind="variant")
    assert answer["Location"] == f"/admin/tenants/operation/{operation.pk}/change/"
    assert (operation.slug, operation.arguments, operation.state) == ("acme", {"variant": "customer_a"}, "waiting")


def test_another_than_those_is_refused(browser: Client, acme: TenantInfo) -> None:
    for name in ("default", "customer_z", ""):
        answer = browser.post(f"/admin/tenants/tenant/{acme.id}/variant/", {"variant": name})
        assert answer.status_code == 200
        assert answer.context["form"].errors
    with use_tenant(PLATFORM):
        assert not Operation.objects.exists()


def test_who_may_only_look_gives_no_variant(browser_of: Callable[..., Client], acme: TenantInfo) -> None:
    path, looker = f"/admin/tenants/tenant/{acme.id}/variant/", browser_of("view_tenant")
    assert looker.get(path).status_code == 403
    assert looker.post(path, {"variant": "customer_a"}).status_code == 403


def test_the_work_is_done_once_and_says_what_became_of_the_rows(live_tenant: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        operation = Operation.objects.create(
            kind="variant", slug=live_tenant.slug, arguments={"variant": "grocer"}, asked_by="operator kim"
        )
    try:
        run_operation(operation.pk)
        assert tenant_by_slug(live_tenant.slug).variant == "grocer"
        with use_tenant(PLATFORM):
            operation.refresh_from_db()
            assert (operation.state, operation.error) == ("done", "")
    finally:
        with use_tenant(PLATFORM):
            operation.delete()
