"""Tracked stock, back orders and untracked stock in both versions of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shop.goods.models import Sku
from tests.shop.api.conftest import Caller

MakeSku = Callable[..., Sku]


def test_goods_and_carts_tell_whether_a_sku_is_for_sale(in_acme: None, stranger: Caller, make_sku: MakeSku) -> None:
    """Fault 39: clients read a stock of 0 as sold out."""
    poster = make_sku("Poster", stock=0, track_stock=False)
    lamp = make_sku("Lamp", stock=-1, allow_backorders=True)
    gone = make_sku("Gone", stock=0)
    shown = {one["name"]: one["skus"][0] for one in stranger.get("/goods").json()["items"]}
    keys = ("stock", "track_stock", "allow_backorders", "in_stock")
    assert {name: tuple(sku[key] for key in keys) for name, sku in shown.items()} == {
        "Poster": (0, False, False, True),
        "Lamp": (-1, True, True, True),
        "Gone": (0, True, False, False),
    }
    assert [one["name"] for one in stranger.get("/goods?in_stock=false").json()["items"]] == ["Gone"]
    assert {one["name"] for one in stranger.get("/goods?in_stock=true").json()["items"]} == {"Poster", "Lamp"}
    for sku in (poster, lamp, gone):
        stranger.put(f"/cart/lines/{sku.pk}", {"quantity": 5})
    lines = stranger.get("/cart").json()["lines"]
    assert [line["is_short"] for line in lines] == [False, False, True]
    stranger.delete(f"/cart/lines/{gone.pk}")
    customer = {"email": "kim@example.com", "name": "Kim"}
    placed = stranger.post("/orders", {"customer": customer, "ship_to": "1 Main St"})
    assert placed.status_code == 201, placed.content
    assert set(Sku.objects.values_list("stock", flat=True)) == {0, -6}


def test_staff_sets_the_notions_of_stock(
    in_acme: None, owner: Caller, amount: Callable[[str], Any], make_sku: MakeSku
) -> None:
    made = owner.post(
        "/goods",
        {"name": "Poster", "slug": "poster", "skus": [{"price": amount("5"), "track_stock": False}]},
    )
    assert (made.status_code, made.json()["skus"][0]["in_stock"]) == (201, True), made.content
    sku = Sku.objects.get()
    changed = owner.patch(f"/skus/{sku.pk}", {"track_stock": True, "allow_backorders": True}, if_match="*")
    assert {"track_stock": True, "allow_backorders": True, "stock": 0}.items() <= changed.json().items()
    assert owner.put(f"/skus/{sku.pk}/stock", {"change": -3}, if_match="*").json()["stock"] == -3
    refused = owner.patch(f"/skus/{sku.pk}", {"allow_backorders": False}, if_match="*")
    assert (refused.status_code, "Enter 0 or more" in refused.text) == (422, True)
    assert owner.put(f"/skus/{sku.pk}/stock", {"change": 3}, if_match="*").json()["stock"] == 0, "what is owed came"
    assert owner.patch(f"/skus/{sku.pk}", {"allow_backorders": False}, if_match="*").status_code == 200
    assert owner.put(f"/skus/{sku.pk}/stock", {"change": -1}, if_match="*").status_code == 409


def test_skus_that_run_low_are_counted_ones(in_acme: None, owner: Caller, make_sku: MakeSku) -> None:
    make_sku("Poster", stock=0, track_stock=False)
    low = make_sku("Lamp", stock=1)
    assert [one["id"] for one in owner.get("/skus?stock_below=3").json()["items"]] == [low.pk]
