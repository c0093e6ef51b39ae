"""Variants in the operator's admin: for a new tenant, and changed later."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from shop.goods import models as goods
from shop.variants.grocer import models as grocer
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.models import Operation
from tenants.registry.lookup import tenant_by_slug
from tenants.tasks.run import run_operation


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


def codes(text: str | bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("codes.csv", text.encode() if isinstance(text, str) else text, "text/csv")


def test_a_mapping_file_goes_along_with_the_work(browser: Client, acme: TenantInfo) -> None:
    text = "slug,category_code\ndesk-lamp,LGT-100\n"
    page = browser.get(f"/admin/tenants/tenant/{acme.id}/variant/").content.decode()
    assert 'enctype="multipart/form-data"' in page
    sent = {"variant": "customer_a", "mapping": codes(text)}
    assert browser.post(f"/admin/tenants/tenant/{acme.id}/variant/", sent).status_code == 302
    sent = {"variant": "grocer", "model": "Goods", "mapping": codes("\ufeffslug,sold_by_weight\ndesk-lamp,True\n")}
    assert browser.post(f"/admin/tenants/tenant/{acme.id}/variant/", sent).status_code == 302
    with use_tenant(PLATFORM):
        grocer, customer_a = Operation.objects.filter(kind="variant")
    assert customer_a.arguments["mapping"] == {"": {"name": "codes.csv", "text": text}}
    assert grocer.arguments["mapping"]["Goods"]["text"].startswith("slug,")


@pytest.mark.parametrize(
    ("variant", "text", "said"),
    [
        ("customer_a", "slug,tax_rate\na,0.1\nb,much\n", ["Line 3, column tax_rate: “much” value must be a decimal"]),
        ("customer_a", "slug,tax_rate\na,1.5\na,0.1\nb\n", [
            "Line 2, column tax_rate: Ensure this value is less than or equal to 1",
            "Line 3: The slug &#x27;a&#x27; is already on line 2.",
            "Line 4: The row has 1 cells, but the header has 2.",
        ]),
        ("customer_a", "slug,colour\na,red\n", ["Goods has no field &#x27;colour&#x27;."]),
        ("customer_a", b"slug,category_code\na,\xff\n", ["The file is not in UTF-8."]),
        ("customer_a", "slug,category_code\na," + "x" * 2_000_000, ["The file is larger than 1.9"]),
        ("grocer", "slug,sold_by_weight\na,True\n", ["Name the model of grocer that it is for: Goods, Sku."]),
    ],
)  # fmt: skip
def test_a_mapping_file_that_makes_no_sense_is_refused_line_by_line(
    browser: Client, acme: TenantInfo, variant: str, text: str | bytes, said: list[str]
) -> None:
    sent = {"variant": variant, "mapping": codes(text)}
    page = browser.post(f"/admin/tenants/tenant/{acme.id}/variant/", sent)
    assert page.status_code == 200
    places = [page.content.decode().find(text) for text in said]
    assert -1 not in places
    assert places == sorted(places), "in the order of the lines"
    with use_tenant(PLATFORM):
        assert not Operation.objects.exists()


def test_a_mapping_file_is_refused_in_korean(browser: Client, acme: TenantInfo) -> None:
    sent = {"variant": "customer_a", "mapping": codes("slug,tax_rate\na,1.5\n")}
    page = browser.post(f"/admin/tenants/tenant/{acme.id}/variant/", sent, HTTP_ACCEPT_LANGUAGE="ko")
    assert "2행, tax_rate 열:" in page.content.decode()


def test_who_may_only_look_gives_no_variant(browser_of: Callable[..., Client], acme: TenantInfo) -> None:
    path, looker = f"/admin/tenants/tenant/{acme.id}/variant/", browser_of("view_tenant")
    assert looker.get(path).status_code == 403
    assert looker.post(path, {"variant": "customer_a"}).status_code == 403


def test_the_work_is_done_once_and_says_what_became_of_the_rows(live_tenant: TenantInfo) -> None:
    with use_tenant(live_tenant):
        goods.Goods.objects.create(name="Plums", slug="plums")
    mapping = {"Goods": {"name": "weights.csv", "text": "slug,sold_by_weight\nplums,True\n"}}
    with use_tenant(PLATFORM):
        operation = Operation.objects.create(
            kind="variant",
            slug=live_tenant.slug,
            arguments={"variant": "grocer", "mapping": mapping},
            asked_by="operator kim",
        )
    try:
        run_operation(operation.pk)
        now = tenant_by_slug(live_tenant.slug)
        assert now.variant == "grocer"
        with use_tenant(now):
            assert grocer.Goods.objects.get().sold_by_weight
        with use_tenant(PLATFORM):
            operation.refresh_from_db()
            assert (operation.state, operation.error) == ("done", "")
    finally:
        with use_tenant(PLATFORM):
            operation.delete()
