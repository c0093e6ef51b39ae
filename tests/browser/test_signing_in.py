"""Signing in with a browser: with a code from a phone, and as an operator in a shop."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import setting_changed
from playwright.sync_api import Page

from tenants import PLATFORM, TenantInfo, use_tenant
from tests.browser.conftest import DESK, PHONE
from tests.tenants.contrib.accounts.phone import Phone

Browser = Callable[..., AbstractContextManager[Page]]
PASSWORD = "correct horse battery"


def look(page: Page, name: str) -> None:
    """Save a screenshot, and check that nothing overflows horizontally."""
    if folder := os.environ.get("SANGGA_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}-{page.viewport_size['width']}.png"))  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.click("#login-form button[type=submit]")


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_user_sets_up_a_second_factor_and_signs_in_with_it(
    open_shop: Callable[..., TenantInfo],
    address_of: Callable[[TenantInfo], str],
    browser: Browser,
    screen: dict[str, object],
) -> None:
    shop = open_shop(name="Bright Mugs", owner_email="boss@mugs.example", owner_password=PASSWORD)
    address = address_of(shop)
    with browser(**screen) as page:
        sign_in(page, address, "boss@mugs.example")
        page.wait_for_url(f"{address}/admin/")
        page.goto(f"{address}/admin/second-factor/")
        look(page, "second-factor-off")
        page.get_by_role("link", name="Set up").click()
        page.locator(".account-picture svg").wait_for()
        phone = Phone(str(page.get_by_role("link", name="Open the app on this device").get_attribute("href")))
        look(page, "second-factor-set-up")
        page.fill("#id_code", phone.code(steps_ahead=-1))
        page.get_by_role("button", name="Turn on").click()
        page.locator(".account-codes").wait_for()
        assert page.locator(".account-codes code").count() == 10
        look(page, "recovery-codes")
        page.context.clear_cookies()
        sign_in(page, address, "boss@mugs.example")
        page.wait_for_url("**/sign-in/code/")
        look(page, "second-step")
        page.fill("#id_code", Phone.wrong(phone.code()))
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("Invalid code").wait_for()
        page.wait_for_timeout(1500)  # a wrong code makes the next one wait a second
        page.fill("#id_code", phone.code())
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(f"{address}/admin/")
        page.goto(f"{address}/admin/password-reset/")
        look(page, "password-reset")
        page.goto(f"{address}/admin/auth/user/invite/")
        look(page, "invite")


@pytest.fixture
def operator(committed: None) -> object:
    with use_tenant(PLATFORM):
        yield User.objects.create_superuser("kim", "kim@platform.example", PASSWORD)
        User.objects.filter(username="kim").delete()


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
def test_an_operator_visits_a_shop(
    open_shop: Callable[..., TenantInfo],
    address_of: Callable[[TenantInfo], str],
    browser: Browser,
    screen: dict[str, object],
) -> None:
    shop = open_shop(name="Bright Mugs")
    address = address_of(shop)
    port = address.rpartition(":")[2]
    before = settings.TENANTS
    settings.TENANTS = {**before, "ORIGIN": f"http://localhost:{port}"}
    setting_changed.send(sender=None, setting="TENANTS", value=settings.TENANTS, enter=True)
    try:
        with browser(**screen) as page:
            sign_in(page, f"http://localhost:{port}", "kim")
            page.wait_for_url(f"http://localhost:{port}/admin/")  # going on at once would call the form back
            page.goto(f"http://localhost:{port}/admin/tenants/tenant/{shop.id}/change/")
            page.get_by_role("button", name="Log in as operator").click()
            page.get_by_role("link", name="Log in to the shop").wait_for()
            look(page, "enter")
            page.get_by_role("link", name="Log in to the shop").click()
            page.wait_for_url(f"{address}/admin/")
            assert page.locator(".impersonation-banner").is_visible()
            look(page, "entered-admin")
            page.goto(f"{address}/")
            page.get_by_text("Operator kim is logged in to Bright Mugs").wait_for()
            look(page, "entered-shop")
            page.get_by_role("button", name="Log out of the shop").click()
            page.get_by_role("heading", name="Logged out of the shop").wait_for()
            look(page, "left")
            page.get_by_role("link", name="Back to platform admin").click()
            page.wait_for_url(f"http://localhost:{port}/admin/tenants/tenant/{shop.id}/change/")
            page.goto(f"{address}/")
            assert page.locator(".impersonation-banner").count() == 0
    finally:
        settings.TENANTS = before
        setting_changed.send(sender=None, setting="TENANTS", value=before, enter=False)
