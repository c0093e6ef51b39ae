"""Orders and stock: an order takes it once, and a cancellation returns it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connections

from shop.customers.models import Customer
from shop.goods.models import Goods, Sku
from shop.orders.errors import EmptyOrder, NotForSale, OrderRefused, OutOfStock, WrongQuantity, WrongStatus
from shop.orders.models import Order, OrderLine
from shop.orders.services import CustomerDetails, cancel_order, mark_paid, mark_shipped, place_order
from tenants import TenantInfo, use_tenant

MakeSku = Callable[..., Sku]
KIM = CustomerDetails(email="Kim@Example.com", name="Kim Minjun", phone="010-1234-5678")


def test_an_order_takes_its_pieces_out_of_stock(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        shirt = make_sku("Shirt", price="19.90", option_values=["Small"], stock=5)
        socks = make_sku("Socks", price="3.05", stock=2)
        order = place_order(KIM, {socks.pk: 2, shirt.pk: 3}, "1 Main St")
        lines = [(line.goods_name, line.sku_title, line.quantity, line.amount) for line in order.lines.all()]
        assert lines == [("Shirt", "Small", 3, Decimal("59.70")), ("Socks", "", 2, Decimal("6.10"))]
        assert (order.total, order.currency, order.status) == (Decimal("65.80"), "USD", "placed")
        assert order.customer.email == "kim@example.com"
        assert dict(Sku.objects.values_list("pk", "stock")) == {shirt.pk: 2, socks.pk: 0}


def test_a_line_keeps_the_name_and_price_of_the_day(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        sku = make_sku("Shirt", price="20")
        order = place_order(KIM, {sku.pk: 1}, "1 Main St")
        Goods.objects.update(name="Blouse")
        Sku.objects.update(price=Decimal(30))
        line = order.lines.get()
        assert (line.goods_name, line.unit_price) == ("Shirt", Decimal(20))


def test_more_than_there_is_is_refused_and_nothing_is_lost(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        plenty, scarce = make_sku("Socks", stock=9), make_sku("Shirt", stock=2)
        with pytest.raises(OutOfStock, match="Only 2 of Shirt are in stock; you ordered 3") as refused:
            place_order(KIM, {plenty.pk: 1, scarce.pk: 3}, "1 Main St")
        assert (refused.value.sku, refused.value.left, refused.value.wanted) == (scarce, 2, 3)
        assert set(Sku.objects.values_list("stock", flat=True)) == {9, 2}
        assert not Order.objects.exists()
        assert not Customer.objects.exists()


@pytest.mark.parametrize(("stock", "message"), [(0, "Shirt is sold out"), (1, "Only 1 of Shirt is in stock")])
def test_the_refusal_says_how_many_are_left(acme: TenantInfo, make_sku: MakeSku, stock: int, message: str) -> None:
    with use_tenant(acme):
        sku = make_sku("Shirt", stock=stock)
        with pytest.raises(OutOfStock, match=message):
            place_order(KIM, {sku.pk: 2}, "1 Main St")


def test_an_empty_order_is_refused(acme: TenantInfo) -> None:
    with use_tenant(acme), pytest.raises(EmptyOrder, match="Your cart is empty"):
        place_order(KIM, {}, "1 Main St")


@pytest.mark.parametrize("quantity", [0, -1])
def test_less_than_one_piece_is_refused(acme: TenantInfo, make_sku: MakeSku, quantity: int) -> None:
    with use_tenant(acme):
        sku = make_sku()
        with pytest.raises(WrongQuantity, match="at least one"):
            place_order(KIM, {sku.pk: quantity}, "1 Main St")


def test_what_is_not_published_or_gone_is_not_for_sale(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        sku = make_sku("Shirt")
        with pytest.raises(NotForSale, match="no longer available"):
            place_order(KIM, {sku.pk + 1: 1}, "1 Main St")
        Goods.objects.update(is_published=False)
        with pytest.raises(NotForSale, match="Shirt is no longer available"):
            place_order(KIM, {sku.pk: 1}, "1 Main St")


def test_who_orders_again_is_the_same_customer_and_stays_as_known(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        sku = make_sku()
        first = place_order(KIM, {sku.pk: 1}, "1 Main St")
        second = place_order(CustomerDetails(email="kim@example.com", name="Somebody"), {sku.pk: 1}, "2 Main St")
        assert first.customer == second.customer
        assert Customer.objects.get().name == "Kim Minjun"


def test_order_numbers_cannot_be_counted(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        sku = make_sku(stock=20)
        numbers = {place_order(KIM, {sku.pk: 1}, "1 Main St").number for _ in range(10)}
        assert len(numbers) == 10
        assert {len(number) for number in numbers} == {11}


def test_a_cancelled_order_gives_its_pieces_back_once(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        sku = make_sku(stock=5)
        order = place_order(KIM, {sku.pk: 3}, "1 Main St")
        assert cancel_order(order).status == "cancelled"
        with pytest.raises(WrongStatus, match=f"Order {order.number} is cancelled"):
            cancel_order(order)
        sku.refresh_from_db()
        assert sku.stock == 5


def test_an_order_is_paid_then_shipped_and_then_not_cancelled(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        order = place_order(KIM, {make_sku().pk: 1}, "1 Main St")
        with pytest.raises(WrongStatus, match="cannot become shipped"):
            mark_shipped(order)
        assert mark_paid(order).status == "paid"
        assert mark_shipped(order).status == "shipped"
        with pytest.raises(WrongStatus):
            cancel_order(order)


def test_placing_an_order_takes_the_same_queries_for_any_number_of_lines(
    acme: TenantInfo, make_sku: MakeSku, django_assert_num_queries: Callable[..., object]
) -> None:
    with use_tenant(acme):
        Customer.objects.create(email="kim@example.com", name="Kim")
        skus = [make_sku(stock=9) for _ in range(6)]
        for wanted in (skus[:1], skus):
            with django_assert_num_queries(8):  # two of them for the savepoint
                place_order(KIM, {sku.pk: 1 for sku in wanted}, "1 Main St")


def test_of_two_who_want_the_last_piece_one_gets_it(live_tenant: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(live_tenant):
        skus = [make_sku("Socks", stock=1), make_sku("Shirt", stock=1)]
    answers = _order_at_once(live_tenant, [[skus[0], skus[1]], [skus[1], skus[0]]])
    assert sorted(type(answer).__name__ for answer in answers) == ["Order", "OutOfStock"]
    with use_tenant(live_tenant):
        assert set(Sku.objects.values_list("stock", flat=True)) == {0}
        assert OrderLine.objects.count() == 2


def _order_at_once(tenant: TenantInfo, carts: list[list[Sku]]) -> list[Order | OrderRefused]:
    start, answers = Barrier(len(carts)), []

    def order(cart: list[Sku]) -> None:
        with use_tenant(tenant):
            start.wait(timeout=600)
            try:
                answers.append(place_order(KIM, {sku.pk: 1 for sku in cart}, "1 Main St"))
            except OrderRefused as refused:
                answers.append(refused)
            finally:
                connections.close_all()

    threads = [Thread(target=order, args=(cart,)) for cart in carts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    return answers
