"""Cursor pagination: every row once, in order, also during writes; an invalid cursor is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.api.selectors import ORDERINGS
from shop.goods.models import Goods, Sku
from tenants import TenantInfo, use_tenant

MakeSku = Callable[..., Sku]


@pytest.fixture
def shop(acme: TenantInfo, make_sku: MakeSku) -> Iterator[TenantInfo]:
    """Nine goods, many of which are alike in what a list is ordered by."""
    with use_tenant(acme):
        for number in range(8):
            goods = make_sku(f"Goods {number % 3}", price=str(number % 2)).goods
            when = timezone.now() - timedelta(days=number % 4)
            Goods.objects.filter(pk=goods.pk).update(created_at=when, updated_at=when)
        Goods.objects.create(name="Without skus", slug="without")
        yield acme


@pytest.fixture
def client(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Client:
    return client_of(shop)


def _pages(client: Client, **query: Any) -> Iterator[list[dict[str, Any]]]:
    path = "/api/v2/goods"
    page = client.get(path, query)
    while True:
        assert page.status_code == 200, page.content
        yield page.json()["items"]
        if page.json()["next"] is None:
            assert "Link" not in page.headers
            return
        address, _, relation = page.headers["Link"].partition(">; ")
        assert relation == 'rel="next"'
        page = client.get(address.removeprefix("<http://acme.localhost:8000"))


@pytest.mark.parametrize("ordering", sorted(ORDERINGS))
@pytest.mark.parametrize("limit", [1, 2, 4, 9])
def test_every_row_comes_once_in_the_order_of_one_long_page(client: Client, ordering: str, limit: int) -> None:
    (whole,) = _pages(client, ordering=ordering, limit=100)
    assert len(whole) == 9
    pages = list(_pages(client, ordering=ordering, limit=limit))
    assert [item["id"] for page in pages for item in page] == [item["id"] for item in whole]
    assert {len(page) for page in pages[:-1]} <= {limit}


@pytest.mark.parametrize("ordering", ["price", "-price"])
def test_what_has_no_price_comes_last(client: Client, ordering: str) -> None:
    (whole,) = _pages(client, ordering=ordering, limit=100)
    assert whole[-1]["name"] == "Without skus"
    prices = [item["price"]["amount"] for item in whole[:-1]]
    assert prices == sorted(prices, reverse=ordering == "-price")


def test_what_is_put_before_the_cursor_shifts_nothing(client: Client, make_sku: MakeSku) -> None:
    pages = _pages(client, limit=4)
    first = next(pages)
    make_sku("New")
    ids = [item["id"] for page in [first, *pages] for item in page]
    assert len(ids) == len(set(ids)) == 9


def test_filters_stay_with_the_cursor(client: Client) -> None:
    items = [item for page in _pages(client, limit=2, search="goods 1") for item in page]
    assert [item["name"] for item in items] == ["Goods 1"] * 3


def test_both_versions_order_alike(client: Client) -> None:
    (whole,) = _pages(client, ordering="name", limit=100)
    first = client.get("/api/v1/goods", {"ordering": "name", "limit": 100}).json()["items"]
    assert [item["id"] for item in first] == [item["id"] for item in whole]


def _cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        _cursor(),
        _cursor("name", "A", 1),  # of another order
        _cursor("-created_at", "yesterday", 1),
        _cursor("-created_at", "2026-11-25T00:00:00", 1),  # in no time zone
        _cursor("-created_at", "2026-11-25T00:00:00Z", "1"),
        _cursor("-created_at", "2026-11-25T00:00:00Z", True),
        _cursor("-created_at", 5, 1),
        _cursor("-created_at", None, 1),
    ],
)
def test_a_cursor_that_is_none_is_refused(client: Client, cursor: str) -> None:
    answer = client.get("/api/v2/goods", {"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "cursor")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999999", "a", ""])
def test_a_cursor_with_no_price_is_refused(client: Client, text: str) -> None:
    answer = client.get("/api/v2/goods", {"ordering": "price", "cursor": _cursor("price", text, 1)})
    assert answer.status_code == 422


@given(
    ordering=st.sampled_from(sorted(ORDERINGS)),
    value=st.text(max_size=30) | st.integers() | st.none() | st.datetimes().map(str),
    pk=st.integers() | st.text(max_size=5),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_cursor_breaks_the_server(client: Client, ordering: str, value: Any, pk: Any) -> None:
    query = {"ordering": ordering, "cursor": _cursor(ordering, value, pk)}
    assert client.get("/api/v2/goods", query).status_code in {200, 422}
