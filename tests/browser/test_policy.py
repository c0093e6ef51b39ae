"""Content-Security-Policy in a browser: pages work, and injected scripts do not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from shop.goods.models import Category, Goods, Sku
from tenants import PLATFORM, TenantInfo, use_tenant
from tests.browser.conftest import DESK, PHONE

OpenPage = Callable[..., AbstractContextManager[Page]]
Visitor = tuple[TenantInfo, list[dict[str, Any]]]

_FORBIDDEN = """() => {
  window.forbidden = [];
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile, lineNumber }) => {
    window.forbidden.push(`${effectiveDirective} ${blockedURI} (${sourceFile}:${lineNumber})`);
  });
}"""
"""Notes what a policy forbids; put into every page before its own scripts."""


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    tenant = open_shop(name="Corner Shop", owner_email="owner@corner.example")
    with use_tenant(tenant):
        shelf = Category.objects.create(name="Shirts", slug="shirts")
        goods = Goods.objects.create(name="Shirt", slug="shirt", category=shelf, description="Cotton.")
        Sku.objects.create(goods=goods, price=50, stock=9)
    return tenant


def cookies_of(tenant: TenantInfo, user: User, address: str) -> list[dict[str, Any]]:
    client = Client(HTTP_HOST=tenant.host or "localhost")
    client.force_login(user)
    return [{"name": name, "value": morsel.value, "url": address} for name, morsel in client.cookies.items()]


@pytest.fixture
def operator(committed: None) -> Iterator[User]:
    with use_tenant(PLATFORM):
        user = User.objects.create_superuser("policy", "policy@sangga.example", "correct horse")
    yield user
    with use_tenant(PLATFORM):
        user.delete()


def watch(page: Page) -> None:
    page.add_init_script(f"({_FORBIDDEN})()")


def assert_nothing_forbidden(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.forbidden") == [], page.url


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_a_shops_pages_need_nothing_that_is_forbidden(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo, screen: dict[str, Any]
) -> None:
    address = address_of(shop)
    with use_tenant(shop):
        cookies = cookies_of(shop, User.objects.get(), address)
        goods = Goods.objects.get()
        sku = Sku.objects.get()
    paths = ["/", "/goods/shirt/", "/cart/", "/nothing/", "/admin/login/", "/api/v1/docs"]
    staff = ["/admin/", "/admin/goods/goods/", "/admin/goods/goods/add/", f"/admin/goods/goods/{goods.pk}/change/"]
    staff += [
        f"/admin/goods/sku/{sku.pk}/change/",
        "/admin/orders/order/",
        "/admin/auth/user/",
        "/admin/auth/group/add/",
    ]
    with browser(**screen) as page:
        watch(page)
        for path in paths:
            page.goto(f"{address}{path}")
            assert_nothing_forbidden(page)
        page.context.add_cookies(cookies)
        for path in staff:
            page.goto(f"{address}{path}")
            assert_nothing_forbidden(page)


def test_the_operators_pages_need_nothing_that_is_forbidden(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo, operator: User
) -> None:
    address = address_of(replace(PLATFORM, host="localhost"))
    with use_tenant(PLATFORM):
        cookies = cookies_of(PLATFORM, operator, address)
    with browser(**DESK) as page:
        watch(page)
        page.goto(f"{address}/")
        assert_nothing_forbidden(page)
        page.context.add_cookies(cookies)
        for path in ("", "tenants/tenant/", "tenants/tenant/add/", f"tenants/tenant/{shop.id}/change/", "auth/user/"):
            page.goto(f"{address}/admin/{path}")
            assert_nothing_forbidden(page)
        # The theme's own scripts are at work: its search and its menus are made by them.
        assert page.evaluate("typeof window.Alpine") == "object"


def test_a_door_that_is_shut_has_its_style(browser: OpenPage, address_of: Callable[[TenantInfo], str]) -> None:
    with browser(**PHONE) as page:
        watch(page)
        page.goto(address_of(replace(PLATFORM, host="nobody.localhost")))
        # The style sheet's URL is the platform's, where no server listens here: it is requested and not blocked.
        assert page.evaluate("window.forbidden") == []
        expect(page.get_by_role("heading", level=1)).to_have_text("No shop at this address")


def test_a_script_that_is_smuggled_into_a_page_does_not_run(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo
) -> None:
    address = address_of(shop)
    with browser(**DESK) as page:
        watch(page)
        page.goto(address)
        page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.smuggled = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", '<img src="data:," onerror="window.smuggled = true">');
        }""")
        page.wait_for_function("window.forbidden.length >= 2")
        assert page.evaluate("window.smuggled") is None
