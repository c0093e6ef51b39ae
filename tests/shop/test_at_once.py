"""Concurrent requests of one session: one order, and no lost change of the cart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client

from shop.goods.models import Sku
from shop.orders.models import Order
from tenants import TenantInfo, use_tenant
from tenants.isolation.sessions import SessionStore, exclusive
from tenants.postgresql.direct_connection import connect_directly
from tests.shop.test_storefront import FORM
from tests.waiting import eventually


@pytest.fixture
def skus(live_tenant: TenantInfo, make_sku: Callable[..., Sku]) -> list[Sku]:
    with use_tenant(live_tenant):
        return [make_sku(stock=20) for _ in range(2)]


@pytest.fixture
def shopper(live_tenant: TenantInfo, skus: list[Sku]) -> Client:
    client = Client(HTTP_HOST=live_tenant.host)
    assert client.post("/cart/add/", {"sku": skus[0].pk, "quantity": 2}).status_code == 302
    return client


def tab_of(shopper: Client) -> Client:
    """Return another connection of the same browser."""
    tab = Client(**shopper.defaults)
    tab.cookies = shopper.cookies.copy()
    return tab


@contextmanager
def held(tenant: TenantInfo, table: str) -> Iterator[Callable[[int], None]]:
    """Hold all rows of a table inside the block; give a function that waits until so many sessions wait for a lock."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with connect_directly() as holder, connect_directly() as watcher:

        def wait_for(number: int) -> None:
            assert eventually(lambda: watcher.execute(count).fetchone() == (number,))

        with holder.transaction():
            holder.execute(f'SELECT 1 FROM "{tenant.schema}"."{table}" FOR UPDATE')
            yield wait_for


def form_of(client: Client) -> dict[str, Any]:
    page = client.get("/checkout/").content.decode()
    total, key = re.search(r'name="agreed_total" value="([^"]+)"', page), re.search(r'name="key" value="([^"]+)"', page)
    assert total
    assert key
    return {**FORM, "agreed_total": total[1], "key": key[1]}


def in_thread(pool: ThreadPoolExecutor, client: Client, path: str, data: dict[str, Any], **kwargs: Any) -> Future[Any]:
    def post() -> Any:
        try:
            return client.post(path, data, **kwargs)
        finally:
            connection.close()

    return pool.submit(post)


def orders_of(tenant: TenantInfo) -> list[Order]:
    with use_tenant(tenant):
        return list(Order.objects.filter(customer__email=FORM["email"].lower()))


@pytest.mark.parametrize("is_same_form", [True, False], ids=["same form", "two tabs"])
def test_two_checkouts_at_once_place_one_order_that_both_see(
    live_tenant: TenantInfo, shopper: Client, is_same_form: bool
) -> None:
    """Fault 31: the second waits for the first, and is led to the same order."""
    first, second = tab_of(shopper), tab_of(shopper)
    form = form_of(first)
    forms = [form, form if is_same_form else form_of(second)]
    with ThreadPoolExecutor(2) as pool:
        with held(live_tenant, "goods_sku") as wait_for:
            answers = [
                in_thread(pool, client, "/checkout/", data) for client, data in zip([first, second], forms, strict=True)
            ]
            wait_for(2)
        places = {answer.result()["Location"] for answer in answers}
    [order] = orders_of(live_tenant)
    assert places == {f"/orders/{order.number}/"} or {place.split("/")[-2] for place in places} == {order.number}
    with use_tenant(live_tenant):
        assert Sku.objects.order_by("pk")[0].stock == 18


def test_a_form_that_is_sent_again_later_places_no_second_order(
    live_tenant: TenantInfo, shopper: Client, skus: list[Sku]
) -> None:
    """Fault 31: by the key, also when the cart has been filled again meanwhile."""
    form = form_of(shopper)
    place = shopper.post("/checkout/", form)["Location"]
    shopper.post("/cart/add/", {"sku": skus[1].pk, "quantity": 1})
    assert shopper.post("/checkout/", form)["Location"] == place
    assert len(orders_of(live_tenant)) == 1
    assert shopper.post("/checkout/", form_of(shopper))["Location"] != place
    assert len(orders_of(live_tenant)) == 2


def test_two_orders_at_once_over_the_api_take_the_cart_once(live_tenant: TenantInfo, shopper: Client) -> None:
    """Fault 31: the API's cart is the same, and the second order finds it empty."""
    data = {"customer": {"email": FORM["email"], "name": "N"}, "ship_to": "A"}
    token = shopper.get("/api/v2/cart").cookies["csrftoken"].value
    with ThreadPoolExecutor(2) as pool:
        with held(live_tenant, "goods_sku") as wait_for:
            answers = [
                in_thread(
                    pool,
                    tab_of(shopper),
                    "/api/v2/orders",
                    data,
                    content_type="application/json",
                    headers={"X-CSRFToken": token},
                )
                for _ in range(2)
            ]
            wait_for(2)
        statuses = sorted(answer.result().status_code for answer in answers)
    assert statuses[0] == 201
    assert statuses[1] in {409, 422}
    assert len(orders_of(live_tenant)) == 1


def test_what_two_tabs_put_into_the_cart_at_once_is_both_there(
    live_tenant: TenantInfo, shopper: Client, skus: list[Sku]
) -> None:
    """Fault 31: the cart is changed by what it is, not by what it was when the request began."""
    with ThreadPoolExecutor(2) as pool:
        with held(live_tenant, "django_session") as wait_for:
            answers = [in_thread(pool, tab_of(shopper), "/cart/add/", {"sku": sku.pk, "quantity": 3}) for sku in skus]
            wait_for(2)
        for answer in answers:
            assert answer.result().status_code == 302
    lines = tab_of(shopper).get("/api/v2/cart").json()["lines"]
    assert sorted(line["quantity"] for line in lines) == [3, 5]


def test_a_session_keeps_what_others_have_written_into_it(live_tenant: TenantInfo) -> None:
    """Fault 31: each writer of a session writes only its own keys: an app's, a login, a language."""
    with use_tenant(live_tenant):
        first = SessionStore()
        first["kept"], first["changed"], first["dropped"] = 1, [1], 1
        first.save()
        one, other = SessionStore(first.session_key), SessionStore(first.session_key)
        one["mine"], other["yours"] = 1, 2
        one["changed"].append(2)
        del one["dropped"]
        other.save()
        one.save()
        now = dict(SessionStore(first.session_key).items())
        assert now == {"kept": 1, "changed": [1, 2], "mine": 1, "yours": 2}


def test_a_session_that_ended_meanwhile_is_not_brought_back(live_tenant: TenantInfo) -> None:
    """Fault 31: signing out wins over what another request still writes."""
    with use_tenant(live_tenant):
        session = SessionStore()
        session["cart"] = 1
        session.save()
        late = SessionStore(session.session_key)
        with exclusive(late):
            late["cart"] = 2
        late["cart"] = 3
        session.flush()
        with pytest.raises(UpdateError):
            late.save()
        assert not SessionStore(late.session_key).get("cart")
