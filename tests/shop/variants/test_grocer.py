"""A grocer's goods: sold by weight, reduced in their last days, and not sold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from shop.goods import models as goods_models
from shop.orders.errors import NotForSale
from shop.orders.services import CustomerDetails, cancel_order, place_order
from shop.variants.grocer.models import Goods, Sku
from tenants import PLATFORM, TenantInfo, use_tenant
from tests.waiting import eventually

ClientOf = Callable[[TenantInfo], Client]
KIM = CustomerDetails(email="kim@example.com", name="Kim")


def make_sku(**fields: Any) -> Sku:
    number = Goods.objects.count()
    goods = Goods.objects.create(
        name=f"Food {number}", slug=f"food-{number}", sold_by_weight=fields.pop("sold_by_weight", False)
    )
    return Sku.objects.create(goods=goods, **{"price": Decimal("10.00"), "stock": 5, **fields})


def in_days(number: int) -> Any:
    return timezone.localdate() + timedelta(days=number)


@pytest.mark.parametrize(
    ("fields", "price", "before"),
    [
        ({}, "10.00", None),
        ({"compare_at_price": Decimal("12.00")}, "10.00", "12.00"),
        ({"weight_grams": 500}, "10.00", None),
        ({"weight_grams": 350, "sold_by_weight": True}, "3.50", None),
        ({"weight_grams": 333, "sold_by_weight": True, "compare_at_price": Decimal("12.00")}, "3.33", "4.00"),
        ({"weight_grams": 0, "sold_by_weight": True}, "10.00", None),
        ({"best_before": 4}, "10.00", None),
        ({"best_before": 3}, "7.00", "10.00"),
        ({"best_before": 0, "weight_grams": 350, "sold_by_weight": True}, "2.45", "3.50"),
    ],
)
def test_what_a_piece_costs(grocer: TenantInfo, fields: dict[str, Any], price: str, before: str | None) -> None:
    with use_tenant(grocer):
        days = fields.get("best_before")
        sku = make_sku(**fields | ({} if days is None else {"best_before": in_days(days)}))
        found = Sku.objects.priced().get(pk=sku.pk)
        assert (found.selling_price, found.selling_price_before) == (Decimal(price), before and Decimal(before))
        assert Goods.objects.with_prices().get().lowest_price == Decimal(price)


def test_what_is_past_its_day_is_not_sold(grocer: TenantInfo, client_of: ClientOf) -> None:
    with use_tenant(grocer):
        sku, fresh = make_sku(best_before=in_days(-1)), make_sku(best_before=in_days(9))
        with pytest.raises(NotForSale):
            place_order(KIM, {sku.pk: 1}, "1 Main St")
        order = place_order(KIM, {fresh.pk: 2}, "1 Main St")
        assert order.total == Decimal("20.00")
        cancel_order(order)
        fresh.refresh_from_db()
        assert fresh.stock == 5
    client = client_of(grocer)
    assert "Sold out" in client.get(f"/goods/{sku.goods.slug}/").content.decode()
    client.post("/cart/add/", {"sku": sku.pk, "quantity": 1})
    assert str(sku.goods.name) not in client.get("/cart/").content.decode()


def test_the_pages_tell_the_price_for_a_kilogram_and_the_day(grocer: TenantInfo, client_of: ClientOf) -> None:
    with use_tenant(grocer):
        make_sku(weight_grams=350, sold_by_weight=True, best_before="2031-02-03")
    client = client_of(grocer)
    page = client.get("/goods/food-0/").content.decode()
    assert "$3.50" in page
    assert "$10.00 per kg" in page
    assert "Feb. 3, 2031" in page
    assert "sold by weight" in client.get("/").content.decode()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_api_tells_the_fields_and_narrows_by_the_day(grocer: TenantInfo, client_of: ClientOf, version: str) -> None:
    with use_tenant(grocer):
        make_sku(sold_by_weight=True, weight_grams=500, best_before="2031-02-03")
        make_sku()
    client = client_of(grocer)
    (item,) = client.get(f"/api/{version}/goods", {"best_before": "2031-12-31"}).json()["items"]
    assert (item["sold_by_weight"], item["skus"][0]["best_before"]) == (True, "2031-02-03")
    assert client.get(f"/api/{version}/goods", {"best_before": "soon"}).status_code == 422


def test_the_admin_shows_the_day_of_each_sku(grocer: TenantInfo, client_of: ClientOf) -> None:
    client = client_of(grocer)
    with use_tenant(grocer):
        sku = make_sku(best_before="2031-02-03")
        client.force_login(User.objects.get())
    for path in ("goods/goods/", f"goods/goods/{sku.goods_id}/change/", "goods/sku/", f"goods/sku/{sku.pk}/change/"):
        assert client.get(f"/admin/{path}").status_code == 200, path
    page = client.get(f"/admin/goods/goods/{sku.goods_id}/change/").content.decode()
    assert 'name="skus-0-best_before" value="2031-02-03"' in page
    answer = client.post(
        f"/admin/goods/sku/{sku.pk}/change/", {"stock": "9", "initial-stock": "5", "best_before": "2031-02-04"}
    )
    assert answer.status_code == 302, answer.context["errors"]
    with use_tenant(grocer):
        sku.refresh_from_db()
        assert (sku.stock, str(sku.best_before)) == (9, "2031-02-04")


def test_staff_and_an_order_do_not_change_the_same_stock_at_once(
    open_shop: Callable[..., TenantInfo], client_of: ClientOf, sql_row: Callable[..., Any]
) -> None:
    """What locks a sku locks the part of it that every shop has, which orders lock."""
    shop = open_shop(variant="grocer", owner_email="owner@example.com")
    client, ordered, go_on = client_of(shop), Event(), Event()
    with use_tenant(shop):
        sku = make_sku()
        client.force_login(User.objects.get())

    def order() -> None:
        with use_tenant(shop), transaction.atomic():
            place_order(KIM, {sku.pk: 2}, "1 Main St")
            ordered.set()
            go_on.wait(180)
        connections.close_all()

    def add_one() -> None:
        client.put(f"/api/v1/skus/{sku.pk}/stock", {"change": 1}, "application/json", headers={"If-Match": "*"})
        connections.close_all()

    threads = [Thread(target=order), Thread(target=add_one)]
    threads[0].start()
    assert ordered.wait(180)
    threads[1].start()
    # It has read the stock, and waits for the order: with the lock that it took before that, or else only to write.
    with use_tenant(PLATFORM):
        assert eventually(
            lambda: sql_row(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )[0],
            seconds=60,
        )
    go_on.set()
    for thread in threads:
        thread.join(60)
    with use_tenant(shop):
        assert goods_models.Sku.objects.get(pk=sku.pk).stock == 4
