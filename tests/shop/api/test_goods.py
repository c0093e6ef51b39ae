"""Reading goods, in both versions, by anonymous clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from shop.goods.models import Category, Goods, Picture, Sku
from tenants import TenantInfo, use_tenant

MakeSku = Callable[..., Sku]
ClientOf = Callable[[TenantInfo], Client]


def _get(client: Client, path: str = "", **query: Any) -> Any:
    """Ask version 1."""
    response = client.get(f"/api/v1/goods{path}", query)
    assert response.headers["Content-Type"].startswith("application/json"), response.content
    return response.status_code, response.json()


def test_an_empty_shop_has_an_empty_list(client: Client) -> None:
    assert _get(client) == (200, {"items": [], "count": 0})


def test_goods_are_told_with_price_skus_and_pictures(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    goods = Goods.objects.create(
        name="Shirt",
        slug="shirt",
        description="Linen.",
        vendor="Weavers",
        category=Category.objects.create(name="Shirts", slug="shirts"),
        tags=["new"],
        option_names=["Size"],
    )
    large = make_sku(goods=goods, price="60", option_values=["L"], code="S-L", position=1)
    small = make_sku(goods=goods, price="49.5", option_values=["S"], compare_at_price="55", stock=0, position=2)
    Picture.objects.create(goods=goods, source_url="https://cdn.example.com/a.jpg", alt="Front", position=1)
    Picture.objects.create(goods=goods, file="goods/b.jpg", position=2)
    status, found = _get(client)
    assert (status, found["count"]) == (200, 1)
    item = found["items"][0]
    assert item["pictures"][1].pop("url").startswith("http://acme.localhost:8000/media/")
    assert item == {
        "id": goods.pk,
        "name": "Shirt",
        "slug": "shirt",
        "description": "Linen.",
        "vendor": "Weavers",
        "category": {"name": "Shirts", "slug": "shirts"},
        "tags": ["new"],
        "option_names": ["Size"],
        "is_published": True,
        "created_at": goods.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "updated_at": goods.updated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "price": "49.50",
        "currency": "USD",
        "skus": [
            {
                "id": large.pk,
                "code": "S-L",
                "title": "L",
                "option_values": ["L"],
                "price": "60.00",
                "compare_at_price": None,
                "stock": 5,
                "track_stock": True,
                "allow_backorders": False,
                "in_stock": True,
                "barcode": "",
                "weight_grams": 0,
            },
            {
                "id": small.pk,
                "code": "",
                "title": "S",
                "option_values": ["S"],
                "price": "49.50",
                "compare_at_price": "55.00",
                "stock": 0,
                "track_stock": True,
                "allow_backorders": False,
                "in_stock": False,
                "barcode": "",
                "weight_grams": 0,
            },
        ],
        "pictures": [{"url": "https://cdn.example.com/a.jpg", "alt": "Front"}, {"alt": ""}],
    }


def test_won_have_no_cents(initech: TenantInfo, client_of: ClientOf, make_sku: MakeSku) -> None:
    with use_tenant(initech):
        make_sku(price="50000")
    _, found = _get(client_of(initech))
    assert (found["items"][0]["price"], found["items"][0]["currency"]) == ("50000", "KRW")
    second = client_of(initech).get("/api/v2/goods").json()
    assert second["items"][0]["price"] == {"amount": "50000", "currency": "KRW"}


def test_one_of_the_goods_is_told_as_in_the_list(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    goods = make_sku().goods
    _, listed = _get(client)
    assert _get(client, f"/{goods.pk}") == (200, listed["items"][0])


def test_goods_without_skus_have_no_price(client: Client, in_acme: None) -> None:
    Goods.objects.create(name="Idea", slug="idea")
    _, found = _get(client)
    assert (found["items"][0]["price"], found["items"][0]["category"]) == (None, None)


def test_a_page_is_cut_out_and_all_are_counted(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    names = [make_sku(f"Goods {number}").goods.name for number in range(25)][::-1]
    _, first = _get(client)
    _, second = _get(client, offset=20)
    _, some = _get(client, limit=2, offset=1)
    assert [item["name"] for item in first["items"] + second["items"]] == names
    assert [item["name"] for item in some["items"]] == names[1:3]
    assert {page["count"] for page in (first, second, some)} == {25}
    assert _get(client, offset=2**31 - 1) == (200, {"items": [], "count": 25})


def test_goods_are_searched_and_kept_to_a_category(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    shirts = Category.objects.create(name="셔츠", slug="셔츠")
    blue = make_sku("Blue shirt", code="B-1").goods
    make_sku("Blue socks")
    Goods.objects.filter(pk=blue.pk).update(category=shirts)
    assert [item["name"] for item in _get(client, search="b-1")[1]["items"]] == ["Blue shirt"]
    assert _get(client, search="blue")[1]["count"] == 2
    assert [item["name"] for item in _get(client, search="blue", category="셔츠")[1]["items"]] == ["Blue shirt"]
    assert _get(client, category="hats") == (200, {"items": [], "count": 0})


def test_what_is_not_published_is_not_there(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    goods = make_sku().goods
    Goods.objects.update(is_published=False)
    assert _get(client)[1]["count"] == 0
    assert _get(client, f"/{goods.pk}")[0] == 404


def test_goods_of_another_shop_are_not_there(
    acme: TenantInfo, globex: TenantInfo, client_of: ClientOf, make_sku: MakeSku
) -> None:
    with use_tenant(globex):
        goods = make_sku().goods
    assert _get(client_of(acme))[1]["count"] == 0
    assert _get(client_of(acme), f"/{goods.pk}")[0] == 404
    assert _get(client_of(globex), f"/{goods.pk}")[1]["name"] == goods.name


@pytest.mark.parametrize("goods_id", ["0", "-1", "999999999", "9" * 30])
def test_an_unknown_id_is_not_found(client: Client, goods_id: str) -> None:
    said = f"No product has the id {goods_id}."
    assert _get(client, f"/{goods_id}") == (404, {"status": 404, "detail": said})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "9" * 30}, "offset"),
        ({"search": "x" * 201}, "search"),
        ({"category": "a/b"}, "category"),
        ({"category": "a\0"}, "category"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: Client, query: dict[str, str], field: str) -> None:
    status, said = _get(client, **query)
    assert (status, said["status"]) == (422, 422)
    assert said["detail"].startswith(f"{field}: ")
    assert said["errors"][0]["loc"][-1] == field
    assert set(said["errors"][0]) == {"loc", "msg", "type"}


def test_an_id_that_is_no_number_is_refused(client: Client) -> None:
    status, said = _get(client, "/shirt")
    assert (status, said["errors"][0]["loc"]) == (422, ["path", "goods_id"])


def test_a_nul_in_a_search_finds_nothing(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    make_sku("Shirt")
    assert _get(client, search="socks\0")[0] == 200


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/goods/1/nothing", "/api/v1/goods/"])
def test_a_path_that_is_not_there_is_told_in_json(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["status"]) == (404, 404)
    assert response.json()["detail"].endswith("/api/v1/docs")


def test_a_method_that_is_not_there_is_told_in_json(client: Client) -> None:
    response = client.post("/api/v1/me", {})
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")
    assert response.json() == {"status": 405, "detail": "Method not allowed: POST. Use GET."}


def test_an_error_of_the_server_is_told_in_json_and_logged(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("shop.api.selectors.resolve", None)
    status, said = _get(client)
    assert (status, said["status"]) == (500, 500)
    assert "NoneType" not in str(said)
    assert "Internal Server Error: /api/v1/goods" in caplog.text


def test_a_long_page_takes_as_many_queries_as_a_short_one(client: Client, in_acme: None, make_sku: MakeSku) -> None:
    for number in range(12):
        goods = make_sku(option_values=["S"]).goods
        goods.category = Category.objects.create(name=f"C{number}", slug=f"c{number}")
        goods.save()
        make_sku(goods=goods, option_values=["L"])
        Picture.objects.create(goods=goods, source_url="https://cdn.example.com/a.jpg")
    counts = []
    for limit in (1, 12):
        with CaptureQueriesContext(connection) as queries:
            assert len(_get(client, limit=limit)[1]["items"]) == limit
        counts.append(sum("tenants_" not in query["sql"] for query in queries))  # the host may be looked up first
    assert counts == [4, 4]


@pytest.mark.parametrize("port", ["81", "8000", "65535"])
def test_address_of_picture_does_not_follow_port_of_request(
    acme: TenantInfo, in_acme: None, make_sku: MakeSku, port: str
) -> None:
    """Fault 33: URLs in the response have the registered host, not the port of the request."""
    for sku in (make_sku(), make_sku()):
        Picture.objects.create(goods=sku.goods, file="goods/b.jpg", position=1)
    client = Client(HTTP_HOST=f"acme.localhost:{port}")
    answer = client.get("/api/v2/goods?limit=1")
    assert "http://acme.localhost:8000/media/" in answer.text
    assert answer.headers["Link"].startswith("<http://acme.localhost:8000/api/v2/goods?")
    assert f":{port}/" not in answer.text or port == "8000"
