"""Permissions in the API: those of the user in this shop, within the scopes of the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client

from shop.goods.models import Goods, Sku
from tenants import TenantInfo, current_tenant, use_tenant
from tenants.contrib.api.auth import Access, NotAuthenticated
from tests.shop.api.conftest import Caller

MakeSku = Callable[..., Sku]
ClientOf = Callable[[TenantInfo], Client]
Staff = Callable[..., Caller]

GUARDED = [
    ("get", "/customers", "customers.view_customer"),
    ("get", "/customers/1", "customers.view_customer"),
    ("post", "/customers", "customers.add_customer"),
    ("patch", "/customers/1", "customers.change_customer"),
    ("get", "/orders", "orders.view_order"),
    ("put", "/orders/NONE/status", "orders.change_order"),
    ("get", "/orders/NONE", "orders.view_order"),
    ("get", "/skus", "goods.view_sku"),
    ("get", "/skus/1", "goods.view_sku"),
    ("patch", "/skus/1", "goods.change_goods goods.change_sku"),
    ("put", "/skus/1/stock", "goods.change_sku"),
    ("put", "/skus/1/prices", "goods.change_goods goods.change_sku"),
    ("delete", "/skus/1", "goods.change_goods goods.delete_sku"),
    ("post", "/goods", "goods.add_goods"),
    ("patch", "/goods/1", "goods.change_goods"),
    ("delete", "/goods/1", "goods.delete_goods"),
    ("post", "/goods/1/skus", "goods.change_goods goods.add_sku"),
    ("get", "/goods?published=any", "goods.view_goods"),
    ("post", "/categories", "goods.add_category"),
    ("patch", "/categories/1", "goods.change_category"),
    ("delete", "/categories/1", "goods.delete_category"),
    ("get", "/users", "auth.view_user"),
    ("get", "/users/1", "auth.view_user"),
]
"""Restricted operations, and the permissions that each requires: all of them are needed."""


def _status(caller: Caller, method: str, path: str) -> int:
    data = None if method == "get" else {}
    return int(caller.send(method, path, data).status_code)


@pytest.mark.parametrize(("method", "path", "permissions"), GUARDED)
def test_what_is_guarded_is_for_those_alone_who_may(
    stranger: Caller, staff: Staff, method: str, path: str, permissions: str
) -> None:
    assert _status(stranger, method, path) == 401
    needed = permissions.split()
    for missing in needed:
        others = [one for one in _all_permissions() if one != missing]
        assert _status(staff(*others), method, path) == 403, missing
    assert _status(staff(*needed), method, path) not in {401, 403}


def _all_permissions() -> set[str]:
    return {permission for _, _, permissions in GUARDED for permission in permissions.split()}


def test_a_stranger_is_told_how_to_say_who_they_are(stranger: Caller) -> None:
    refused = stranger.get("/users")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.json()["status"] == 401


def test_who_may_not_is_told_what_is_missing(staff: Staff) -> None:
    assert "goods.change_sku" in staff().put("/skus/1/stock", {}).json()["detail"]


def test_what_is_not_published_is_there_for_staff_alone(
    in_acme: None, stranger: Caller, staff: Staff, make_sku: MakeSku
) -> None:
    goods = make_sku("Secret").goods
    Goods.objects.update(is_published=False)
    path, reader = f"/goods/{goods.pk}", staff("goods.view_goods")
    assert (stranger.get(path).status_code, reader.get(path).status_code) == (404, 200)
    assert stranger.get("/goods").json()["items"] == reader.get("/goods").json()["items"] == []
    for published in ("any", "false"):
        assert [item["name"] for item in reader.get("/goods", {"published": published}).json()["items"]] == ["Secret"]


def test_staff_sees_the_users_of_its_own_shop(
    acme: TenantInfo, globex: TenantInfo, manager: Caller, version: str
) -> None:
    with use_tenant(globex):
        User.objects.create_user("theirs")
    page = manager.get("/users").json()
    names = [item["username"] for item in page["items"]]
    assert "owner@acme.example" in names
    assert not {"theirs", "owner@globex.example"} & set(names)
    assert all("password" not in item for item in page["items"])
    one = next(item for item in page["items"] if item["groups"])
    assert manager.get(f"/users/{one['id']}").json() == one
    assert manager.get("/users", {"search": "acme owner"}).json()["items"][0]["username"] == "owner@acme.example"


def test_a_session_of_another_shop_is_a_strangers(
    globex: TenantInfo, client_of: ClientOf, owner: Caller, version: str
) -> None:
    elsewhere = Caller(client_of(globex), version)
    elsewhere.client.cookies = owner.client.cookies
    assert (owner.get("/users").status_code, elsewhere.get("/users").status_code) == (200, 401)


def test_a_user_who_is_not_active_any_more_is_a_stranger(in_acme: None, owner: Caller) -> None:
    User.objects.update(is_active=False)
    assert owner.get("/users").status_code == 401


def test_one_learns_what_one_may(clerk: Caller) -> None:
    told = clerk.get("/me").json()
    assert told["is_staff"]
    assert "goods.change_sku" in told["permissions"]
    assert "goods.change_goods" not in told["permissions"]
    assert (told["scopes"], told["client"]) == (None, "")


# --- CSRF


@pytest.fixture
def browser(acme: TenantInfo, in_acme: None, version: str) -> Caller:
    """The owner in a browser, whose requests another site's page may send."""
    client = Client(enforce_csrf_checks=True, HTTP_HOST=acme.host)
    client.force_login(User.objects.get(username="owner@acme.example"))
    return Caller(client, version)


def test_a_session_that_writes_needs_the_csrf_token(in_acme: None, browser: Caller, make_sku: MakeSku) -> None:
    sku = make_sku()
    path = f"/cart/lines/{sku.pk}"
    assert browser.put(path, {"quantity": 1}).status_code == 403
    browser.get("/cart")
    token = browser.client.cookies[settings.CSRF_COOKIE_NAME].value
    assert browser.put(path, {"quantity": 1}, X_CSRFToken=token).status_code == 200
    assert browser.put(path, {"quantity": 1}, X_CSRFToken="x" * 32).status_code == 403
    assert browser.post("/categories", {"name": "A", "slug": "a"}).status_code == 403
    assert browser.get("/users").status_code == 200


def test_who_has_no_session_needs_none(acme: TenantInfo, version: str, in_acme: None, make_sku: MakeSku) -> None:
    caller = Caller(Client(enforce_csrf_checks=True, HTTP_HOST=acme.host), version)
    assert caller.put(f"/cart/lines/{make_sku().pk}", {"quantity": 1}).status_code == 200


# --- Tokens


def bearer(request: HttpRequest, token: str) -> Access | None:
    """Know tokens such as `acme:goods:read+goods:write`, of the owner of the shop that they name."""
    shop, _, scopes = token.partition(":")
    if shop == "other-kind":
        return None
    if shop != current_tenant().slug:
        raise NotAuthenticated("The token is another shop's.", "invalid_token")
    owner = None if scopes.startswith("app ") else User.objects.get(is_superuser=True)
    return Access(owner, frozenset(scopes.removeprefix("app ").split("+")), client="Tests")


@pytest.fixture
def with_token(acme: TenantInfo, settings: Any, client_of: ClientOf, version: str) -> Callable[[str], Caller]:
    """Return a function that gives a caller with a token."""
    settings.TENANTS = {**settings.TENANTS, "API_BEARERS": [f"{__name__}.bearer"]}

    def caller(token: str) -> Caller:
        client = client_of(acme)
        client.defaults["HTTP_AUTHORIZATION"] = token if " " in token.partition(":")[0] else f"Bearer {token}"
        return Caller(client, version)

    return caller


def test_a_token_bounds_what_its_user_may(in_acme: None, with_token: Callable[[str], Caller]) -> None:
    reader, writer = with_token("acme:goods:read"), with_token("acme:goods:read+goods:write")
    assert (reader.get("/skus").status_code, reader.get("/users").status_code) == (200, 403)
    category = {"name": "A", "slug": "a"}
    refused = reader.post("/categories", category)
    assert refused.status_code == 403
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="goods:write"'
    assert writer.post("/categories", category).status_code == 201
    assert writer.get("/me").json()["client"] == "Tests"


def test_an_application_may_what_its_scopes_say(in_acme: None, with_token: Callable[[str], Caller]) -> None:
    application = with_token("acme:app goods:read")
    assert (application.get("/skus").status_code, application.get("/users").status_code) == (200, 403)
    assert application.get("/me").json()["username"] == ""


@pytest.mark.parametrize("token", ["globex:goods:read", "other-kind:x", "Basic abc:x"])
def test_a_void_token_is_refused_where_a_stranger_would_be_let_in(
    in_acme: None, with_token: Callable[[str], Caller], token: str
) -> None:
    answer = with_token(token).get("/goods")
    assert answer.status_code == 401
    assert 'error="' in answer.headers["WWW-Authenticate"]


def test_a_token_needs_no_csrf_token_and_makes_no_session(
    acme: TenantInfo, in_acme: None, with_token: Callable[[str], Caller], make_sku: MakeSku
) -> None:
    caller = with_token("acme:goods:write")
    caller.client.handler.enforce_csrf_checks = True
    assert caller.post("/categories", {"name": "A", "slug": "a"}).status_code == 201
    order = {
        "customer": {"email": "a@example.com", "name": "A"},
        "ship_to": "Street 1",
        "lines": [{"sku": make_sku().pk, "quantity": 1}],
    }
    assert caller.post("/orders", order).status_code == 201
    assert settings.SESSION_COOKIE_NAME not in caller.client.cookies
