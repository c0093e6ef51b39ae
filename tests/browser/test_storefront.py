"""The storefront in a browser: on a phone, with the keyboard only, without scripts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from shop.goods.models import Category, Goods, Sku
from shop.orders.models import Order
from shop.storefront.templatetags.storefront import PALETTES
from tenants import TenantInfo, use_tenant
from tests.browser.conftest import DESK, PHONE

OpenPage = Callable[..., AbstractContextManager[Page]]

TEXT_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""
EDGE_CONTRAST = 3.0
"""WCAG 2.2, success criterion 1.4.11: of what shows where a field is."""


@pytest.fixture
def shop(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    tenant = open_shop(name="Corner Shop", currency="USD")
    with use_tenant(tenant):
        shelf = Category.objects.create(name="Shirts", slug="shirts")
        for colour in ("Red", "Green", "Blue"):
            goods = Goods.objects.create(
                name=f"{colour} shirt", slug=f"{colour.lower()}-shirt", category=shelf, option_names=["Size"]
            )
            Sku.objects.create(goods=goods, option_values=["Small"], price=Decimal(50), stock=9, position=1)
            Sku.objects.create(goods=goods, option_values=["Large"], price=Decimal(60), stock=2, position=2)
    return tenant


def order_in(shop: TenantInfo) -> tuple[str, Decimal, list[str]]:
    with use_tenant(shop):
        order = Order.objects.get()
        return order.number, order.total, [f"{line.quantity} {line.sku}" for line in order.lines.all()]


def assert_fits(page: Page, heading: str) -> None:
    """Wait for the page with that heading, and assert that it does not have to be moved sideways."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_shopper_finds_goods_and_orders_on_a_phone(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo, scripts: bool
) -> None:
    with browser(**PHONE, java_script_enabled=scripts) as page:
        page.goto(address_of(shop))
        page.get_by_role("searchbox").fill("blue")
        page.get_by_role("search").get_by_role("button").tap()
        expect(page.get_by_role("article")).to_have_count(1)
        assert_fits(page, "Results for “blue”")
        page.get_by_role("link", name="Blue shirt").tap()
        page.get_by_role("radio", name="Large").check(force=True)
        if scripts:
            expect(page.locator(".buy .price strong")).to_have_text("$60.00")
            expect(page.get_by_text("Only 2 left", exact=True)).to_be_visible()
        assert_fits(page, "Blue shirt")
        page.get_by_label("Quantity").fill("2")
        page.get_by_role("button", name="Add to cart").tap()
        expect(page.get_by_text("Blue shirt (Large) was added to your cart.")).to_be_visible()
        assert_fits(page, "Your cart")
        page.get_by_role("link", name="Check out").tap()
        assert_fits(page, "Checkout")
        page.get_by_label("Name").fill("Nora Lindqvist")
        page.get_by_label("Email").fill("nora@example.com")
        page.get_by_label("Phone").fill("+1 415 555 0134")
        page.get_by_label("Address", exact=True).fill("12 Alder Street")
        page.get_by_role("button", name="Place order for $120.00").tap()
        assert_fits(page, "Thank you for your order")
        number = page.locator(".order-number").inner_text()
    assert order_in(shop) == (number, Decimal("120.00"), ["2 Blue shirt (Large)"])


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has that name or text has the focus; each stop on the way has to show that it has it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        assert focused["shown"], f"Nothing shows that {focused['name']!r} has the focus."
        if name in focused["name"]:
            return
    raise AssertionError(f"{name!r} cannot be reached with Tab.")


_FOCUSED = """() => {
  const here = document.activeElement;
  const faces = [getComputedStyle(here), getComputedStyle(here, "::after")];
  if (here.nextElementSibling) faces.push(getComputedStyle(here.nextElementSibling));
  const labels = [...(here.labels ?? [])].map(label => label.textContent);
  return {
    name: [here.getAttribute("aria-label") ?? "", here.textContent, ...labels].join(" ").trim(),
    shown: here === document.body || faces.some(face => face.outlineStyle !== "none" && face.outlineWidth !== "0px"),
  };
}"""


def test_a_shopper_orders_with_the_keyboard_alone(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo
) -> None:
    with browser(**DESK) as page:
        keys = page.keyboard
        page.goto(f"{address_of(shop)}/c/shirts/")
        tab_to(page, "Skip to content")
        keys.press("Enter")
        tab_to(page, "Green shirt")
        keys.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Green shirt")
        tab_to(page, "Small")
        keys.press("ArrowRight")
        tab_to(page, "Add to cart")
        keys.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your cart")
        tab_to(page, "Check out")
        keys.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Checkout")
        for label, text in (
            ("Name", "Sam Okafor"),
            ("Email", "sam@example.com"),
            ("Phone", "+1 312 555 0178"),
            ("Address", "808 West Lake Street"),
        ):
            tab_to(page, label)
            keys.type(text)
        tab_to(page, "Place order for $60.00")
        keys.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your order")
    assert order_in(shop)[1:] == (Decimal("60.00"), ["1 Green shirt (Large)"])


def test_a_shopper_changes_the_language_and_stays_on_the_page(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo
) -> None:
    with browser(**PHONE) as page:
        page.goto(f"{address_of(shop)}/goods/red-shirt/")
        page.get_by_role("button", name="한국어").tap()
        expect(page.get_by_role("button", name="장바구니에 담기")).to_be_visible()
        assert page.url.endswith("/goods/red-shirt/")
        assert page.locator("html").get_attribute("lang") == "ko"
        assert_fits(page, "Red shirt")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_look_can_be_read(
    browser: OpenPage, address_of: Callable[[TenantInfo], str], shop: TenantInfo, scheme: str
) -> None:
    text = [(ink, on) for ink in ("ink", "quiet", "accent") for on in ("ground", "card", "tint")]
    text += [("on-accent", "accent"), ("on-accent", "accent-over")]
    text += [("good", "ground"), ("good", "good-tint"), ("warning", "ground"), ("warning", "card")]
    text += [("warning", "warning-tint"), ("error", "ground"), ("error", "error-tint")]
    edges = [("field", "ground"), ("field", "card"), ("accent", "ground")]
    wanted = [(*pair, TEXT_CONTRAST) for pair in text] + [(*pair, EDGE_CONTRAST) for pair in edges]
    with browser(**DESK, color_scheme=scheme) as page:
        page.goto(address_of(shop))
        weak = page.evaluate(_WEAK_CONTRASTS, {"wanted": wanted, "palettes": PALETTES})
    assert weak == []


_WEAK_CONTRASTS = """({ wanted, palettes }) => {
  const sheet = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = () => {
    sheet.fillStyle = getComputedStyle(probe).getPropertyValue("color");
    sheet.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...sheet.getImageData(0, 0, 1, 1).data].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const probe = document.body.appendChild(document.createElement("i"));
  const of = (name) => { probe.style.color = `var(--${name})`; return luminance(); };
  const weak = [];
  for (let palette = 0; palette < palettes; palette++) {
    document.documentElement.className = `palette-${palette}`;
    for (const [ink, on, least] of wanted) {
      const [dark, light] = [of(ink), of(on)].sort((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      if (contrast < least) weak.push(`palette-${palette}: ${ink} on ${on} is ${contrast.toFixed(2)}`);
    }
  }
  return weak;
}"""
