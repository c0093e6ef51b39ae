"""Customer A's goods: only in its storefront, admin and API."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection
from django.test import Client

from shop.customers.models import Customer
from shop.goods.models import Goods, Sku
from shop.orders.services import CustomerDetails, place_order
from shop.variants.customer_a import models
from tenants import TenantInfo, WrongSchema, use_tenant
from tenants.variants import resolve

ClientOf = Callable[[TenantInfo], Client]


def make_goods(**fields: Any) -> models.Goods:
    goods = models.Goods.objects.create(
        **{"name": "Lamp", "slug": "lamp", "category_code": "L-7", "vendor_code": "HAL", **fields}
    )
    Sku.objects.create(goods=goods, price=Decimal("10.00"), compare_at_price=Decimal("12.00"), stock=5)
    return goods


def test_names_are_resolved_for_the_active_shop(customer_a: TenantInfo, acme: TenantInfo) -> None:
    with use_tenant(customer_a):
        assert resolve("goods.models.Goods") is models.Goods
        assert resolve("goods.services.pricing").__name__ == "shop.variants.customer_a.services.pricing"
        assert resolve("goods.models.Sku") is Sku
    with use_tenant(acme):
        assert resolve("goods.models.Goods") is Goods
        assert resolve("goods.services.pricing").__name__ == "shop.goods.services.pricing"


def test_the_table_is_in_the_schemas_of_its_shops_alone(
    customer_a: TenantInfo, grocer: TenantInfo, acme: TenantInfo, sql_row: Callable[..., tuple[Any, ...]]
) -> None:
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename LIKE %s"
    found = {}
    with use_tenant(acme):
        for shop in (customer_a, grocer, acme):
            for own in ("customer\\_a\\_%", "grocer\\_%"):
                found[shop.variant, own[:6]] = sql_row(count, [shop.schema, own])[0]
    assert found == {
        ("customer_a", "custom"): 1, ("customer_a", "grocer"): 0,
        ("grocer", "custom"): 0, ("grocer", "grocer"): 2,
        ("default", "custom"): 0, ("default", "grocer"): 0,
    }  # fmt: skip


def test_its_goods_are_refused_in_another_shop(customer_a: TenantInfo, acme: TenantInfo, grocer: TenantInfo) -> None:
    for shop in (acme, grocer):
        with use_tenant(shop), pytest.raises(WrongSchema, match=r"customer_a.Goods lives in .* variant 'customer_a'"):
            models.Goods.objects.count()


def test_the_storefront_shows_prices_with_tax_and_the_codes(customer_a: TenantInfo, client_of: ClientOf) -> None:
    with use_tenant(customer_a):
        make_goods()
    client = client_of(customer_a)
    page = client.get("/goods/lamp/").content.decode()
    assert "$11.00" in page
    assert "$13.20" in page
    assert "L-7" in page
    assert "HAL" in page
    assert "$11.00" in client.get("/").content.decode()
    assert "Lamp" in client.get("/?q=l-7").content.decode()


def test_an_order_costs_what_the_page_said(customer_a: TenantInfo) -> None:
    with use_tenant(customer_a):
        sku = make_goods(tax_rate="0.19").skus.get()
        order = place_order(CustomerDetails(email="kim@example.com", name="Kim"), {sku.pk: 2}, "1 Main St")
        assert order.total == Decimal("23.80")
        assert Customer.objects.get().orders.get().lines.get().unit_price == Decimal("11.90")
        sku.refresh_from_db()
        assert sku.stock == 3


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_api_tells_the_fields_and_narrows_by_them(
    customer_a: TenantInfo, acme: TenantInfo, client_of: ClientOf, version: str
) -> None:
    with use_tenant(customer_a):
        make_goods()
        make_goods(name="Chair", slug="chair", category_code="C-1")
    client = client_of(customer_a)
    (item,) = client.get(f"/api/{version}/goods", {"category_code": "L-7"}).json()["items"]
    assert (item["category_code"], item["vendor_code"], item["tax_rate"]) == ("L-7", "HAL", "0.1000")
    for price in (item["price"], item["skus"][0]["price"]):
        assert price == ("11.00" if version == "v1" else {"amount": "11.00", "currency": "USD"})
    described = client.get(f"/api/{version}/openapi.json").json()
    assert "category_code" in described["components"]["schemas"]["GoodsOut"]["properties"]
    assert "category_code" in str(described["paths"][f"/api/{version}/goods"]["get"]["parameters"])
    assert "category_code" not in str(client_of(acme).get(f"/api/{version}/openapi.json").json())


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_staff_writes_the_fields_over_the_api(customer_a: TenantInfo, client_of: ClientOf, version: str) -> None:
    client = client_of(customer_a)
    with use_tenant(customer_a):
        goods = make_goods()
        client.force_login(User.objects.get())
    address = f"/api/{version}/goods/{goods.pk}"
    for sent, status in (({"vendor_code": "V-1"}, 200), ({"tax_rate": "2"}, 422), ({"tax_rate": "0.07"}, 200)):
        assert client.patch(address, sent, "application/json", headers={"If-Match": "*"}).status_code == status
    with use_tenant(customer_a):
        goods.refresh_from_db()
        assert (goods.vendor_code, goods.category_code, goods.tax_rate) == ("V-1", "L-7", Decimal("0.07"))


def test_goods_of_the_base_code_have_variant_fields_after_the_commit(customer_a: TenantInfo) -> None:
    with use_tenant(customer_a):
        Goods.objects.create(name="Lamp", slug="lamp")
        Goods.objects.bulk_create([Goods(name=f"Lamp {n}", slug=f"lamp-{n}") for n in range(3)])
        gone = Goods.objects.create(name="Gone", slug="gone")
        gone.delete()
        connection.check_constraints()
        found = models.Goods.objects.order_by("pk")
        assert [(goods.category_code, goods.tax_rate) for goods in found] == [("", Decimal("0.1"))] * 4
        Goods.objects.all().delete()
        assert not models.Goods.objects.exists()


def test_the_admin_shows_and_saves_the_fields_at_the_same_address(customer_a: TenantInfo, client_of: ClientOf) -> None:
    client = client_of(customer_a)
    with use_tenant(customer_a):
        goods = make_goods()
        client.force_login(User.objects.get())
    assert "L-7" in client.get("/admin/goods/goods/").content.decode()
    page = client.get(f"/admin/goods/goods/{goods.pk}/change/")
    assert page.status_code == 200
    form = page.context["adminform"].form
    assert {"category_code", "vendor_code", "tax_rate"} <= set(form.fields)
    sent = {name: form[name].value() or "" for name in form.fields} | {
        "category_code": "L-8", "tags": "", "option_names": "",
        "skus-TOTAL_FORMS": 0, "skus-INITIAL_FORMS": 0, "pictures-TOTAL_FORMS": 0, "pictures-INITIAL_FORMS": 0,
    }  # fmt: skip
    answer = client.post(f"/admin/goods/goods/{goods.pk}/change/", sent)
    assert answer.status_code == 302, answer.context["errors"]
    assert answer["Location"] == "/admin/goods/goods/"
    with use_tenant(customer_a):
        assert models.Goods.objects.get().category_code == "L-8"
    assert client.get("/admin/").status_code == 200
    assert client.get(f"/admin/goods/goods/{goods.pk}/delete/").status_code == 200


def test_pages_of_the_admin_lead_back_to_the_app_that_every_shop_has(
    customer_a: TenantInfo, client_of: ClientOf
) -> None:
    client = client_of(customer_a)
    with use_tenant(customer_a):
        goods = make_goods()
        client.force_login(User.objects.get())
    one = f"/admin/goods/goods/{goods.pk}/"
    for address in (
        "/admin/goods/goods/",
        "/admin/goods/goods/add/",
        f"{one}change/",
        f"{one}history/",
        f"{one}delete/",
    ):
        page = client.get(address).text
        assert 'href="/admin/goods/"' in page, address
        assert "Customer_A" not in page, address
        assert "/admin/customer_a/" not in page, address
    assert "Customer_A" not in client.get("/admin/goods/").text


def test_rights_on_goods_are_rights_on_its_goods(customer_a: TenantInfo, client_of: ClientOf) -> None:
    client = client_of(customer_a)
    with use_tenant(customer_a):
        goods = make_goods()
        clerk = User.objects.create_user("clerk", is_staff=True)
        clerk.groups.add(Group.objects.get(name="Clerk"))
        client.force_login(clerk)
    assert client.get("/admin/goods/goods/").status_code == 200
    page = client.get(f"/admin/goods/goods/{goods.pk}/change/")
    assert "L-8" not in page.content.decode()
    assert client.post(f"/admin/goods/goods/{goods.pk}/change/", {"name": "X"}).status_code == 403


def test_another_shops_sql_does_not_reach_the_table(customer_a: TenantInfo, acme: TenantInfo) -> None:
    with use_tenant(acme), pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{customer_a.schema}".customer_a_goods')
