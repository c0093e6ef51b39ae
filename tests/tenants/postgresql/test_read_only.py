"""Read-only database: a visitor who submits a form gets a page that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from shop.goods.models import Sku
from tenants import TenantInfo, use_tenant
from tests.shop.conftest import make_sku
from tests.shop.test_storefront import FORM
from tests.tenants.contrib.observability.test_request_logs import AsyncClientAt

__all__ = ["make_sku"]


@pytest.fixture
def sku(acme: TenantInfo, make_sku: Callable[..., Sku]) -> Sku:
    with use_tenant(acme):
        return make_sku(stock=5)


@pytest.fixture
def shopper(acme: TenantInfo, sku: Sku) -> Client:
    """A visitor with something in the cart."""
    client = Client(HTTP_HOST=acme.host)
    assert client.post("/cart/add/", {"sku": sku.pk, "quantity": 1}).status_code == 302
    return client


@pytest.fixture
def read_only(acme: TenantInfo, shopper: Client) -> None:
    """Make the test's transaction read-only."""
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the test has written is looked at now
        cursor.execute("SET TRANSACTION READ ONLY")


def orders(sku: Sku) -> dict[str, Any]:
    customer = {"email": "n@example.com", "name": "N"}
    return {"customer": customer, "ship_to": "A", "lines": [{"sku": sku.pk, "quantity": 1}]}


def is_told(response: Any) -> bool:
    return bool(response.status_code == 503 and response["Retry-After"] and "saved" in response.content.decode())


def test_an_order_while_the_database_is_read_only_is_told_so(shopper: Client, read_only: None) -> None:
    """At checkout; the cart stays as it was."""
    page = shopper.get("/checkout/").content.decode()
    assert "agreed_total" in page
    total = page.partition('name="agreed_total" value="')[2].partition('"')[0]
    assert is_told(shopper.post("/checkout/", {**FORM, "agreed_total": total}))
    assert shopper.get("/cart/").status_code == 200


@pytest.mark.parametrize("path", ["/cart/add/", "/cart/change/"])
def test_a_cart_while_the_database_is_read_only_is_told_so(
    shopper: Client, sku: Sku, path: str, read_only: None
) -> None:
    """In an existing session."""
    assert is_told(shopper.post(path, {"sku": sku.pk, "quantity": 2}))


def test_a_new_session_while_the_database_is_read_only_is_told_so(acme: TenantInfo, sku: Sku, read_only: None) -> None:
    """Middleware writes it after the view."""
    assert is_told(Client(HTTP_HOST=acme.host).post("/cart/add/", {"sku": sku.pk, "quantity": 1}))


def test_a_login_while_the_database_is_read_only_is_told_so(acme: TenantInfo, shopper: Client) -> None:
    """With a correct password, and with a wrong one, which is counted."""
    with use_tenant(acme):
        User.objects.create_user("clerk", password="correct horse", is_staff=True)
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the test has written is looked at now
        cursor.execute("SET TRANSACTION READ ONLY")
    for password in ("correct horse", "wrong"):
        given = {"username": "clerk", "password": password}
        assert is_told(Client(HTTP_HOST=acme.host).post("/admin/login/", given))


def test_an_api_client_while_the_database_is_read_only_is_told_so(acme: TenantInfo, sku: Sku, read_only: None) -> None:
    """As problem details, under WSGI and ASGI."""
    answer = Client(HTTP_HOST=acme.host).post("/api/v2/orders", orders(sku), content_type="application/json")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:sangga:problem:database-read-only"

    async def post() -> Any:
        body = json.dumps(orders(sku))
        return await AsyncClientAt(acme.host).post("/api/v2/orders", body, content_type="application/json")

    assert async_to_sync(post)().status_code == 503


def test_looking_around_goes_on_while_the_database_is_read_only(shopper: Client, sku: Sku, read_only: None) -> None:
    """Pages, a search and the API's lists."""
    for path in ("/", "/?q=goods", f"/goods/{sku.goods.slug}/", "/api/v2/goods", "/cart/"):
        assert shopper.get(path).status_code == 200


def test_the_page_for_a_read_only_database_is_in_the_shops_language(shopper: Client, sku: Sku, read_only: None) -> None:
    """In Korean for a Korean browser."""
    answer = shopper.post("/cart/add/", {"sku": sku.pk, "quantity": 2}, headers={"accept-language": "ko"})
    assert "저장" in answer.content.decode()
