"""The API's own documentation is complete, right for the tenant, and needs no other server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tenants import TenantInfo

PATHS = {
    "/api/token": {"post"},
    "/api/protected": {"get"},
    "/cart": {"get", "delete"},
    "/cart/lines/{sku_id}": {"put", "delete"},
    "/categories": {"get", "post"},
    "/categories/{category_id}": {"get", "patch", "delete"},
    "/customers": {"get", "post"},
    "/customers/{customer_id}": {"get", "patch"},
    "/goods": {"get", "post"},
    "/goods/bulk": {"post"},
    "/goods/{goods_id}": {"get", "patch", "delete"},
    "/goods/{goods_id}/skus": {"post"},
    "/imports": {"get", "post"},
    "/imports/{import_id}": {"get"},
    "/me": {"get"},
    "/orders": {"get", "post"},
    "/orders/{number}": {"get"},
    "/orders/{number}/status": {"put"},
    "/skus": {"get"},
    "/skus/{sku_id}": {"get", "patch", "delete"},
    "/skus/{sku_id}/prices": {"put"},
    "/skus/{sku_id}/stock": {"put"},
    "/users": {"get"},
    "/users/{user_id}": {"get"},
}


@pytest.fixture
def described(client: Client, version: str) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"/api/{version}/openapi.json").json()
    return document


def test_every_operation_is_there(described: dict[str, Any], version: str) -> None:
    found = {path.removeprefix(f"/api/{version}"): set(methods) for path, methods in described["paths"].items()}
    assert found == PATHS


def test_every_operation_has_a_unique_name_and_documents_its_errors(described: dict[str, Any], version: str) -> None:
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    media = "application/json" if version == "v1" else "application/problem+json"
    for operation in operations:
        assert operation["description"]
        if operation["tags"] != ["tokens"]:  # those answer as RFC 6749 has it
            assert media in operation["responses"]["default"]["content"]


def test_bodies_of_files_have_a_kind_that_generated_clients_send(described: dict[str, Any], version: str) -> None:
    """Fault 44: a generator leaves out an operation whose kinds of body it does not know."""
    for path in (f"/api/{version}/goods/bulk", f"/api/{version}/imports"):
        assert "application/octet-stream" in described["paths"][path]["post"]["requestBody"]["content"]
    stock = described["components"]["schemas"]["StockIn"]
    assert (stock["type"], "oneOf" in stock) == ("object", False)


def test_who_may_do_what_is_told(described: dict[str, Any], version: str) -> None:
    change = described["paths"][f"/api/{version}/goods/{{goods_id}}"]["patch"]
    assert change["security"] == [{"session": []}, {"bearer": ["goods:write"]}]
    assert "`goods.change_goods`" in change["description"]
    read = described["paths"][f"/api/{version}/goods"]["get"]
    assert read["security"][0] == {}
    assert set(described["components"]["securitySchemes"]) == {"session", "bearer"}


def test_the_docs_ask_no_other_server(client: Client, version: str) -> None:
    page = client.get(f"/api/{version}/docs").content.decode()
    assert "swagger-ui-bundle.js" in page
    assert "//" not in page
    assert "<script>" not in page
    assert finders.find("ninja/swagger-ui-bundle.js")


def test_the_docs_name_the_shop(described: dict[str, Any], acme: TenantInfo, version: str) -> None:
    assert described["info"] == {
        "title": acme.name,
        "version": version,
        "description": described["info"]["description"],
    }
    assert described["servers"] == [{"url": "http://acme.localhost:8000"}]


def test_amounts_are_told_in_the_shops_own_currency(
    client: Client, initech: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    for shop, currency, amount in (
        (client, "USD", r"^[0-9]{1,12}(\.[0-9]{1,2})?$"),
        (client_of(initech), "KRW", "^[0-9]{1,12}$"),
    ):
        money = shop.get("/api/v2/openapi.json").json()["components"]["schemas"]["MoneyIn"]["properties"]
        assert (money["currency"]["const"], money["amount"]["pattern"]) == (currency, amount)
