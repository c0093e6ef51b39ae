"""Carts and orders: anonymous clients place an order once, and staff changes its status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from shop.customers.models import Customer
from shop.goods.models import Goods, Sku
from shop.orders.models import IdempotentResponse, Order
from tenants import TenantInfo, use_tenant
from tenants.contrib.oauth.models import Application
from tests.shop.api.conftest import Caller

MakeSku = Callable[..., Sku]
ClientOf = Callable[[TenantInfo], Client]

CUSTOMER = {"email": "ann@example.com", "name": "Ann", "phone": "010-1234-5678"}


def _order(sku: Sku, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"customer": CUSTOMER, "ship_to": "Ann\nStreet 1", "lines": [{"sku": sku.pk, "quantity": quantity}], **more}


def test_a_stranger_fills_the_cart_of_the_storefront(
    in_acme: None, stranger: Caller, make_sku: MakeSku, amount: Callable[[str], Any]
) -> None:
    sku = make_sku("Shirt", price="12.50")
    assert stranger.get("/cart").json()["lines"] == []
    told = stranger.put(f"/cart/lines/{sku.pk}", {"quantity": 2}).json()
    assert told["total"] == amount("25.00")
    line = told["lines"][0]
    assert (line["sku"], line["quantity"], line["unit_price"], line["amount"]) == (
        sku.pk, 2, amount("12.50"), amount("25.00"),
    )  # fmt: skip
    assert "Shirt" in stranger.client.get("/cart/").content.decode()
    assert stranger.put(f"/cart/lines/{sku.pk}", {"quantity": 0}).status_code == 422
    assert stranger.delete(f"/cart/lines/{sku.pk}").json()["lines"] == []
    stranger.put(f"/cart/lines/{sku.pk}", {"quantity": 1})
    assert stranger.delete("/cart").status_code == 204
    assert stranger.get("/cart").json()["lines"] == []


def test_what_is_not_for_sale_gets_into_no_cart(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    sku = make_sku()
    Goods.objects.update(is_published=False)
    for sku_id in (sku.pk, 999_999):
        assert stranger.put(f"/cart/lines/{sku_id}", {"quantity": 1}).status_code == 404
    assert stranger.put(f"/cart/lines/{'9' * 30}", {"quantity": 1}).status_code == 422


def test_an_order_of_the_cart_empties_it_and_is_seen_by_its_session_alone(
    in_acme: None, acme: TenantInfo, stranger: Caller, client_of: ClientOf, make_sku: MakeSku, version: str
) -> None:
    sku = make_sku("Shirt", price="12.50", stock=5)
    stranger.put(f"/cart/lines/{sku.pk}", {"quantity": 2})
    placed = stranger.post("/orders", {"customer": CUSTOMER, "ship_to": "Ann\nStreet 1"})
    assert placed.status_code == 201, placed.content
    order = placed.json()
    assert (order["status"], order["email"]) == ("placed", "ann@example.com")
    assert [(line["sku"], line["goods_name"], line["quantity"]) for line in order["lines"]] == [(sku.pk, "Shirt", 2)]
    assert stranger.get("/cart").json()["lines"] == []
    sku.refresh_from_db()
    assert sku.stock == 3
    assert stranger.client.get(placed.headers["Location"]).json() == order
    assert Caller(client_of(acme), version).get(f"/orders/{order['number']}").status_code == 401


def test_who_types_an_address_learns_nothing_about_whose_it_is(
    in_acme: None, stranger: Caller, staff: Callable[..., Caller], make_sku: MakeSku
) -> None:
    known = Customer.objects.create(email="ann@example.com", name="Ann Known", phone="010-9999-9999")
    order = _order(make_sku(), customer={"email": "ann@example.com", "name": "Mallory"})
    placed = stranger.post("/orders", order)
    assert "Known" not in placed.content.decode()
    assert "9999" not in placed.content.decode()
    assert placed.json()["customer"] is None
    path = f"/orders/{placed.json()['number']}"
    assert staff("orders.view_order").get(path).json()["customer"] is None
    assert staff("orders.view_order", "customers.view_customer").get(path).json()["customer"] == known.pk


def test_an_order_needs_no_cart_and_no_cookie(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    sku = make_sku(stock=5)
    assert stranger.post("/orders", _order(sku, 2)).status_code == 201
    sku.refresh_from_db()
    assert sku.stock == 3


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"lines": []}, 422),
        ({"lines": None}, 409),
        ({"ship_to": ""}, 422),
        ({"ship_to": " \n "}, 422),
        ({"customer": {"email": "ann", "name": "Ann"}}, 422),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    in_acme: None, stranger: Caller, make_sku: MakeSku, wrong: dict[str, Any], status: int
) -> None:
    refused = stranger.post("/orders", {**_order(make_sku()), **wrong})
    assert (refused.status_code, Order.objects.count()) == (status, 0)


def test_what_is_sold_out_is_told(in_acme: None, stranger: Caller, make_sku: MakeSku, version: str) -> None:
    refused = stranger.post("/orders", _order(make_sku(stock=1), 2))
    assert (refused.status_code, Order.objects.count()) == (409, 0)
    told = refused.json()
    assert told["code" if version == "v1" else "type"].endswith("out-of-stock")
    gone = make_sku()
    Goods.objects.filter(pk=gone.goods_id).update(is_published=False)
    assert stranger.post("/orders", _order(gone)).status_code == 409


def test_a_sku_stands_in_one_line(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    order = _order(make_sku())
    order["lines"] *= 2
    assert stranger.post("/orders", order).status_code == 422


def test_nothing_is_ordered_at_another_total_than_agreed(
    in_acme: None, stranger: Caller, make_sku: MakeSku, amount: Callable[[str], Any]
) -> None:
    sku = make_sku(price="10", stock=3)
    assert stranger.post("/orders", _order(sku, agreed_total=amount("9.99"))).status_code == 409
    sku.refresh_from_db()
    assert (sku.stock, Order.objects.count()) == (3, 0)
    assert stranger.post("/orders", _order(sku, agreed_total=amount("10"))).status_code == 201


# --- Once and no more


def test_the_same_request_with_the_same_key_is_done_once(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    sku = make_sku(stock=5)
    first = stranger.post("/orders", _order(sku), idempotency_key="k-1")
    again = stranger.post("/orders", _order(sku), idempotency_key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for header in ("ETag", "Location", "Content-Type"):
        assert again.headers[header] == first.headers[header]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    sku.refresh_from_db()
    assert (sku.stock, Order.objects.count()) == (4, 1)
    assert stranger.post("/orders", _order(sku), idempotency_key="k-2").json() != first.json()


def test_another_request_with_the_same_key_is_refused(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    sku = make_sku(stock=5)
    stranger.post("/orders", _order(sku), idempotency_key="k-1")
    assert stranger.post("/orders", _order(sku, 2), idempotency_key="k-1").status_code == 422
    assert Order.objects.count() == 1


def test_a_key_is_its_senders(in_acme: None, stranger: Caller, clerk: Caller, make_sku: MakeSku) -> None:
    sku = make_sku(stock=5)
    stranger.post("/orders", _order(sku), idempotency_key="k-1")
    assert clerk.post("/orders", _order(sku, 2), idempotency_key="k-1").status_code == 201


def test_two_clients_of_one_name_have_keys_of_their_own(in_acme: None, client: Client, make_sku: MakeSku) -> None:
    sku, answers = make_sku(), []
    for _ in range(2):
        erp = Application(
            name="ERP",
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
            scopes="orders:read",
        )
        secret = erp.renew_secret()
        erp.save()
        form = {"grant_type": "client_credentials", "client_id": erp.client_id, "client_secret": secret}
        token = client.post("/oauth/token", form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k-1"}
        answers.append(client.post("/api/v2/orders", _order(sku), content_type="application/json", headers=headers))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["number"] for answer in answers}) == 2


def test_what_was_refused_may_be_tried_again(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    sku = make_sku(stock=0)
    assert stranger.post("/orders", _order(sku), idempotency_key="k-1").status_code == 409
    Sku.objects.update(stock=1)
    assert stranger.post("/orders", _order(sku), idempotency_key="k-1").status_code == 201


def test_keys_are_forgotten_after_a_day(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    sku = make_sku(stock=5)
    stranger.post("/orders", _order(sku), idempotency_key="k-1")
    IdempotentResponse.objects.update(created_at=timezone.now() - timedelta(hours=25))
    stranger.post("/orders", _order(sku), idempotency_key="k-1")
    assert (Order.objects.count(), IdempotentResponse.objects.count()) == (2, 1)


@pytest.mark.parametrize("key", ["", "x" * 256, "a b"])
def test_a_key_that_is_none_is_refused(in_acme: None, stranger: Caller, make_sku: MakeSku, key: str) -> None:
    assert stranger.post("/orders", _order(make_sku()), idempotency_key=key).status_code == 422


def test_eight_at_once_with_one_key_place_one_order(live_tenant: TenantInfo, client_of: ClientOf) -> None:
    with use_tenant(live_tenant):
        goods = Goods.objects.create(name="Shirt", slug="shirt")
        sku = Sku.objects.create(goods=goods, price=10, stock=20)
    answers: list[Any] = []
    together = Barrier(8)

    def send() -> None:
        try:
            together.wait()
            caller = Caller(client_of(live_tenant), "v2")
            answers.append(caller.post("/orders", _order(sku), idempotency_key="one-key"))
        finally:
            connections.close_all()

    threads = [Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 7
    with use_tenant(live_tenant):
        assert (Order.objects.count(), Sku.objects.get().stock) == (1, 19)


# --- Staff


def test_staff_finds_orders_and_moves_them_on(
    in_acme: None, stranger: Caller, clerk: Caller, make_sku: MakeSku
) -> None:
    sku = make_sku(stock=5)
    first, second = (stranger.post("/orders", _order(sku)).json()["number"] for _ in range(2))
    assert [item["number"] for item in clerk.get("/orders").json()["items"]] == [second, first]
    seen = clerk.get(f"/orders/{first}")
    path = f"/orders/{first}/status"
    assert clerk.put(path, {"status": "paid"}).status_code == 428
    paid = clerk.put(path, {"status": "paid"}, if_match=seen.headers["ETag"])
    assert (paid.status_code, paid.json()["status"]) == (200, "paid")
    assert clerk.put(path, {"status": "shipped"}, if_match=seen.headers["ETag"]).status_code == 412
    assert clerk.put(path, {"status": "paid"}, if_match="*").status_code == 409
    assert clerk.put(path, {"status": "placed"}, if_match="*").status_code == 422
    assert [item["number"] for item in clerk.get("/orders", {"status": "paid"}).json()["items"]] == [first]
    assert clerk.put(path, {"status": "cancelled"}, if_match="*").status_code == 200
    sku.refresh_from_db()
    assert sku.stock == 4
