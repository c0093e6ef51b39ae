"""Staff changes goods, SKUs, categories and customers: with the models' validation, and without lost updates."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from shop.customers.models import Customer
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.services import CustomerDetails, place_order
from tests.shop.api.conftest import Caller

MakeSku = Callable[..., Sku]
Amount = Callable[[str], Any]

pytestmark = pytest.mark.usefixtures("in_acme")


def _problems(response: Any) -> list[tuple[str, str]]:
    """Return where something is wrong and what, as both versions tell it."""
    told = []
    for one in response.json()["errors"]:
        place = one["pointer"] if "pointer" in one else "#/" + "/".join(str(part) for part in one.get("loc", [])[1:])
        told.append((place, one["type"]))
    return told


def test_goods_are_made_with_skus_and_pictures(owner: Caller, stranger: Caller, amount: Amount) -> None:
    Category.objects.create(name="Shirts", slug="shirts")
    sent = {
        "name": "Shirt",
        "slug": "shirt",
        "category": "shirts",
        "option_names": ["Size"],
        "tags": ["new"],
        "skus": [
            {"option_values": ["S"], "price": amount("50.00"), "stock": 3, "code": "S-S"},
            {"option_values": ["L"], "price": amount("55.50"), "compare_at_price": amount("60")},
        ],
        "pictures": [{"url": "https://cdn.example.com/a.jpg", "alt": "Front"}],
    }
    made = owner.post("/goods", sent)
    assert made.status_code == 201, made.content
    assert made.headers["ETag"]
    seen = stranger.get(f"/goods/{made.json()['id']}").json()
    assert seen == made.json()
    assert (seen["category"]["slug"], seen["price"]) == ("shirts", amount("50.00"))
    assert [sku["option_values"] for sku in seen["skus"]] == [["S"], ["L"]]
    assert seen["skus"][1]["compare_at_price"] == amount("60.00")


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"name": ""}, "#/name"),
        ({"name": "A\0B"}, "#/name"),
        ({"slug": "no slug"}, "#/slug"),
        ({"colour": "red"}, "#/colour"),
        ({"skus": [{"price": "-1"}]}, "#/skus/0/price"),
        ({"skus": [{"price": "1", "stock": -1}]}, "#/skus/0/stock"),
        ({"skus": [{"price": "1", "option_values": ["S"]}]}, "#/skus/0/option_values"),
        ({"pictures": [{"url": "javascript:alert(1)"}]}, "#/pictures/0/url"),
    ],
)
def test_goods_that_make_no_sense_are_refused_where_it_is(
    owner: Caller, version: str, changed: dict[str, Any], place: str
) -> None:
    changed = deepcopy(changed)  # the next test gets the same
    if version == "v2":
        for sku in changed.get("skus", []):
            sku["price"] = {"amount": sku["price"], "currency": "USD"}
            place = place.replace("/price", "/price/amount")
    refused = owner.post("/goods", {"name": "Shirt", "slug": "shirt", **changed})
    assert refused.status_code == 422, refused.content
    assert place in [where for where, _ in _problems(refused)]
    assert not Goods.objects.exists()


def test_a_slug_is_taken_once(owner: Caller, make_sku: MakeSku) -> None:
    slug = make_sku().goods.slug
    refused = owner.post("/goods", {"name": "Another", "slug": slug})
    assert (refused.status_code, _problems(refused)) == (409, [("#/slug", "unique")])


def test_a_category_has_to_be_there(owner: Caller) -> None:
    refused = owner.post("/goods", {"name": "Hat", "slug": "hat", "category": "hats"})
    assert (refused.status_code, _problems(refused)) == (409, [("#/category", "unknown")])


def test_an_amount_in_another_currency_is_refused(owner: Caller, version: str, make_sku: MakeSku) -> None:
    sku = make_sku()
    price = {"amount": "5", "currency": "EUR"}
    refused = owner.put(f"/skus/{sku.pk}/prices", {"price": price}, if_match="*")
    assert refused.status_code == 422
    sku.refresh_from_db()
    assert sku.price == 50


def test_concurrent_change_is_not_overwritten(owner: Caller, make_sku: MakeSku) -> None:
    goods = make_sku("Shirt").goods
    path = f"/goods/{goods.pk}"
    seen = owner.get(path).headers["ETag"]
    assert owner.patch(path, {"name": "Blouse"}).status_code == 428
    assert owner.patch(path, {"name": "Blouse"}, if_match=seen).status_code == 200
    late = owner.patch(path, {"name": "Tunic"}, if_match=seen)
    assert late.status_code == 412
    assert owner.delete(path, if_match=seen).status_code == 412
    goods.refresh_from_db()
    assert goods.name == "Blouse"


def test_who_has_seen_it_gets_it_not_again(owner: Caller, stranger: Caller, make_sku: MakeSku) -> None:
    path = f"/goods/{make_sku().goods.pk}"
    first = stranger.get(path)
    again = stranger.get(path, if_none_match=first.headers["ETag"])
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])


def test_a_change_leaves_the_rest_as_it_is(owner: Caller, make_sku: MakeSku) -> None:
    goods = make_sku("Shirt").goods
    Picture.objects.create(goods=goods, source_url="https://cdn.example.com/a.jpg", position=1)
    Picture.objects.create(goods=goods, file="goods/b.jpg", position=2)
    changed = owner.patch(
        f"/goods/{goods.pk}",
        {"vendor": "Weavers", "is_published": False, "pictures": [{"url": "https://cdn.example.com/c.jpg"}]},
        if_match="*",
    ).json()
    assert (changed["name"], changed["vendor"], changed["is_published"]) == ("Shirt", "Weavers", False)
    assert len(changed["skus"]) == 1
    assert sorted(Picture.objects.values_list("source_url", "file")) == [
        ("", "goods/b.jpg"),
        ("https://cdn.example.com/c.jpg", ""),
    ]


def test_goods_are_taken_away_unless_they_were_ordered(owner: Caller, make_sku: MakeSku) -> None:
    ordered, unsold = make_sku(), make_sku()
    place_order(CustomerDetails(email="a@example.com", name="A"), {ordered.pk: 1}, "Street 1")
    assert owner.delete(f"/goods/{unsold.goods_id}", if_match="*").status_code == 204
    refused = owner.delete(f"/goods/{ordered.goods_id}", if_match="*")
    assert (refused.status_code, Goods.objects.get().pk) == (409, ordered.goods_id)


def test_skus_are_added_changed_and_taken_away(owner: Caller, amount: Amount, make_sku: MakeSku) -> None:
    goods = make_sku("Shirt").goods
    made = owner.post(f"/goods/{goods.pk}/skus", {"price": amount("9.5"), "code": "X-1"})
    assert made.status_code == 409  # the shop has a sku without options already
    Goods.objects.filter(pk=goods.pk).update(option_names=["Size"])
    made = owner.post(f"/goods/{goods.pk}/skus", {"price": amount("9.5"), "code": "X-1", "option_values": ["S"]})
    assert (made.status_code, made.json()["price"]) == (201, amount("9.50")), made.content
    path = f"/skus/{made.json()['id']}"
    changed = owner.patch(path, {"barcode": "123"}, if_match=made.headers["ETag"])
    assert (changed.status_code, changed.json()["barcode"], changed.json()["code"]) == (200, "123", "X-1")
    assert owner.delete(path, if_match=changed.headers["ETag"]).status_code == 204
    assert goods.skus.count() == 1


def test_stock_is_set_and_counted_up_and_down(clerk: Caller, make_sku: MakeSku) -> None:
    path = f"/skus/{make_sku(stock=5).pk}/stock"
    assert clerk.put(path, {"stock": 7}, if_match="*").json()["stock"] == 7
    assert clerk.put(path, {"change": -3}, if_match="*").json()["stock"] == 4
    assert clerk.put(path, {"change": -5}, if_match="*").status_code == 409
    assert clerk.put(path, {"change": 1, "stock": 1}, if_match="*").status_code == 422
    assert clerk.put(path, {}, if_match="*").status_code == 422
    assert Sku.objects.get().stock == 4


def test_prices_are_set(owner: Caller, amount: Amount, make_sku: MakeSku) -> None:
    path = f"/skus/{make_sku(price='50').pk}/prices"
    prices = {"price": amount("45.00"), "compare_at_price": amount("50.00")}
    told = owner.put(path, prices, if_match="*").json()
    assert (told["price"], told["compare_at_price"]) == (amount("45.00"), amount("50.00"))
    told = owner.put(path, {"price": amount("44.00")}, if_match="*").json()
    assert (told["price"], told["compare_at_price"]) == (amount("44.00"), None)
    assert owner.put(path, {"price": amount("44.001")}, if_match="*").status_code == 422


def test_skus_are_found_by_what_is_short(clerk: Caller, make_sku: MakeSku) -> None:
    short = make_sku("Shirt", stock=1)
    make_sku("Socks", stock=9)
    items = clerk.get("/skus", {"stock_below": 2}).json()["items"]
    assert [(item["id"], item["goods_name"]) for item in items] == [(short.pk, "Shirt")]
    assert [item["goods_name"] for item in clerk.get("/skus", {"search": "sock"}).json()["items"]] == ["Socks"]


def test_categories_are_made_changed_and_taken_away(owner: Caller, stranger: Caller, make_sku: MakeSku) -> None:
    made = owner.post("/categories", {"name": "Shirts", "slug": "shirts"})
    assert made.status_code == 201
    path = f"/categories/{made.json()['id']}"
    Goods.objects.filter(pk=make_sku().goods_id).update(category=made.json()["id"])
    assert owner.patch(path, {"name": "Blouses"}, if_match=made.headers["ETag"]).json()["slug"] == "shirts"
    assert stranger.get("/categories").json()["items"][0]["name"] == "Blouses"
    assert owner.delete(path, if_match="*").status_code == 204
    assert Goods.objects.get().category is None


def test_a_customer_is_entered_once(manager: Caller) -> None:
    made = manager.post("/customers", {"email": "Ann@Example.com", "name": "Ann"})
    assert (made.status_code, made.json()["email"]) == (201, "ann@example.com")
    assert manager.post("/customers", {"email": "ann@example.com", "name": "Ann"}).status_code == 409
    assert manager.post("/customers", {"email": "no address", "name": "Ann"}).status_code == 422
    path = f"/customers/{made.json()['id']}"
    assert manager.patch(path, {"phone": "010-1"}, if_match=made.headers["ETag"]).json()["phone"] == "010-1"
    found = manager.get("/customers", {"search": "ann 010"}).json()["items"]
    assert [item["id"] for item in found] == [Customer.objects.get().pk]


@pytest.mark.parametrize("path", ["/goods/99", "/categories/99", "/customers/99", "/skus/99"])
def test_what_is_not_there_is_not_changed(owner: Caller, path: str) -> None:
    assert owner.patch(path, {}, if_match="*").status_code == 404


def test_a_body_that_is_no_json_is_refused(owner: Caller) -> None:
    assert owner.post("/categories", "{", kind="application/json").status_code == 400
