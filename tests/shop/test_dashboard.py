"""The dashboard of the shop's admin: open orders, sales and low stock, by permission."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from shop.goods.models import Sku
from shop.orders.dashboard import DAYS
from shop.orders.models import Order
from shop.orders.services import CustomerDetails, cancel_order, mark_paid, place_order
from shop.steps import CLERK
from tenants import TenantInfo, use_tenant

MakeSku = Callable[..., Sku]
KIM = CustomerDetails(email="kim@example.com", name="Kim Minjun")


@pytest.fixture(autouse=True)
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


@pytest.fixture
def dashboard(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Callable[..., Any]:
    """Return a function that opens the page as a user with these permissions (default: all)."""

    def opened(*rights: str, group: str = "") -> Any:
        is_boss = not rights and not group
        user = User.objects.create_user(f"user-{User.objects.count()}", is_staff=True, is_superuser=is_boss)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        user.groups.set(Group.objects.filter(name=group))
        client = client_of(shop)
        client.force_login(user)
        return client.get("/admin/")

    return opened


def figures(page: Any) -> dict[str, Any]:
    return {str(figure.title): figure.value for figure in page.context["figures"]}


def test_it_counts_what_waits_and_sums_up_what_was_ordered(dashboard: Callable[..., Any], make_sku: MakeSku) -> None:
    sku = make_sku("Shirt", price="20.00", stock=9)
    placed, paid, cancelled, old, foreign = (place_order(KIM, {sku.pk: 1}, "1 Main St") for _ in range(5))
    mark_paid(paid)
    cancel_order(cancelled)
    Order.objects.filter(pk=old.pk).update(placed_at=timezone.now() - timedelta(days=DAYS))
    Order.objects.filter(pk=foreign.pk).update(currency="EUR")
    page = dashboard()
    assert figures(page) == {
        "Awaiting payment": 3,
        "Awaiting shipment": 1,
        "Sales, last 30 days": "$40.00",
        "Out of stock": 0,
    }
    bars = page.context["bars"]
    assert (len(bars), bars[-1].day, bars[-1].amount) == (DAYS, timezone.localdate(), Decimal(40))
    assert [bar.height for bar in bars] == [0] * (DAYS - 1) + [100]
    assert placed.number in page.text


def test_what_runs_out_is_listed_the_emptiest_first(dashboard: Callable[..., Any], make_sku: MakeSku) -> None:
    make_sku("Plenty", stock=4)
    make_sku("Three", stock=3)
    make_sku("None", stock=0)
    hidden = make_sku("Hidden", stock=0).goods
    hidden.is_published = False
    hidden.save()
    page = dashboard()
    assert [sku.goods.name for sku in page.context["low"]] == ["None", "Three"]
    assert figures(page)["Out of stock"] == 1


def test_every_figure_leads_to_a_list_that_opens(
    dashboard: Callable[..., Any], shop: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    page = dashboard()
    client = client_of(shop)
    client.force_login(User.objects.get(is_superuser=True, username__startswith="user-"))
    for figure in page.context["figures"]:
        assert client.get(figure.url).status_code == 200, figure.url


def test_it_takes_the_same_queries_however_much_there_is(dashboard: Callable[..., Any], make_sku: MakeSku) -> None:
    counts = []
    for _ in range(2):
        for number in range(4):
            sku = make_sku(stock=1 + number)
            place_order(CustomerDetails(email=f"{sku.pk}@example.com", name="Kim"), {sku.pk: 1}, "1 Main St")
        with CaptureQueriesContext(connection) as queries:
            dashboard()
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_may_see_neither_orders_nor_stock_sees_none_of_it(dashboard: Callable[..., Any], make_sku: MakeSku) -> None:
    order = place_order(KIM, {make_sku("Shirt", stock=2).pk: 1}, "1 Main St")
    stock_alone = dashboard("view_sku")
    assert set(figures(stock_alone)) == {"Out of stock"}
    assert order.number not in stock_alone.text
    orders_alone = dashboard("view_order")
    assert "Out of stock" not in figures(orders_alone)
    assert "low" not in orders_alone.context
    neither = dashboard("view_category")
    assert figures(neither) == {}
    assert order.number not in neither.text
    assert "/admin/goods/category/" in neither.text, "who has no figures has the list of what they may see"
    assert len(figures(dashboard(group=CLERK))) == 4


def test_a_shop_of_a_variant_has_it_too(
    customer_a: TenantInfo, client_of: Callable[[TenantInfo], Client], make_sku: MakeSku
) -> None:
    with use_tenant(customer_a):
        user = User.objects.get(email=f"owner@{customer_a.slug}.example")
        client = client_of(customer_a)
        client.force_login(user)
    assert figures(client.get("/admin/"))["Sales, last 30 days"] == "$0.00"
