"""The storefront: pages, search, cart and checkout."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client

from shop.customers.models import Customer
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.cart import MAX_QUANTITY
from shop.orders.models import Order
from shop.storefront.templatetags.storefront import PALETTES, palette
from shop.storefront.views.catalogue import PAGE_SIZE
from tenants import TenantInfo, use_tenant
from tenants.conf import tenancy

MakeSku = Callable[..., Sku]
FORM = {
    "name": "Nora Lindqvist",
    "email": "Nora@example.com",
    "phone": "+1 415 555 0134",
    "address": "12 Alder Street\nSan Francisco",
}


@pytest.fixture
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


@pytest.fixture
def shopper(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Client:
    return client_of(shop)


@pytest.fixture
def stranger(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Client:
    return client_of(shop)


def text_of(response: HttpResponse, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def names_in(page: str) -> list[str]:
    """Return the names on the cards of a list, in order."""
    return re.findall(r'class="card-name"><a href="[^"]+">([^<]+)</a>', page)


def put_into_cart(shopper: Client, sku: Sku, quantity: int = 1) -> str:
    return text_of(shopper.post("/cart/add/", {"sku": sku.pk, "quantity": quantity}, follow=True))


def stock_of(sku: Sku) -> int:
    return Sku.objects.get(pk=sku.pk).stock


# --- Looking around ---


def test_the_list_shows_names_prices_and_pictures(shopper: Client, make_sku: MakeSku) -> None:
    goods = make_sku("Blue shirt", price="49.5").goods
    Picture.objects.create(goods=goods, file=ContentFile(b"picture", "blue.webp"), alt="A shirt on a table")
    page = text_of(shopper.get("/"))
    assert names_in(page) == ["Blue shirt"]
    assert "$49.50" in page
    assert 'alt="A shirt on a table"' in page


def test_the_list_comes_in_pages(shopper: Client, make_sku: MakeSku) -> None:
    for number in range(PAGE_SIZE + 3):
        make_sku(f"Shirt {number}")
    first, second = text_of(shopper.get("/")), text_of(shopper.get("/?page=2"))
    assert len(names_in(first)) == PAGE_SIZE
    assert len(names_in(second)) == 3
    assert not set(names_in(first)) & set(names_in(second))


@pytest.mark.parametrize("page", ["0", "-1", "99999999999999999999", "last", "\0"])
def test_a_page_that_is_not_there_is_one_that_is(shopper: Client, make_sku: MakeSku, page: str) -> None:
    make_sku("Blue shirt")
    assert names_in(text_of(shopper.get("/", {"page": page}))) == ["Blue shirt"]


def test_the_search_finds_goods_by_their_words(shopper: Client, make_sku: MakeSku) -> None:
    make_sku("Blue shirt")
    make_sku("Red shirt")
    assert names_in(text_of(shopper.get("/", {"q": "SHIRT blue"}))) == ["Blue shirt"]


def test_a_search_is_shown_as_text_and_never_as_markup(shopper: Client) -> None:
    page = text_of(shopper.get("/", {"q": '"><script>alert(1)</script>'}))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_goods_are_sorted_by_their_lowest_price(shopper: Client, make_sku: MakeSku) -> None:
    make_sku("Middle", price="20")
    wide = make_sku("Wide", price="90").goods
    make_sku(goods=wide, price="5", option_values=["Small"])
    make_sku("Dear", price="70")
    assert names_in(text_of(shopper.get("/?sort=cheapest"))) == ["Wide", "Middle", "Dear"]
    assert names_in(text_of(shopper.get("/?sort=dearest"))) == ["Dear", "Middle", "Wide"]
    assert names_in(text_of(shopper.get("/?sort=nonsense"))) == ["Dear", "Wide", "Middle"]


def test_a_category_shows_its_own_goods(shopper: Client, make_sku: MakeSku) -> None:
    shelf = Category.objects.create(name="과일", slug="과일")
    Goods.objects.filter(pk=make_sku("Apple").goods_id).update(category=shelf)
    make_sku("Hammer")
    assert names_in(text_of(shopper.get("/c/과일/"))) == ["Apple"]


@pytest.mark.parametrize("path", ["/c/nothing/", "/goods/nothing/", "/goods/%00/", "/orders/1/", "/nothing"])
def test_what_is_not_there_is_404_in_the_look_of_the_shop(shopper: Client, shop: TenantInfo, path: str) -> None:
    page = text_of(shopper.get(path), 404)
    assert shop.name in page
    assert 'href="/"' in page


def test_unpublished_goods_are_nowhere(shopper: Client, make_sku: MakeSku) -> None:
    hidden = make_sku("Secret shirt").goods
    Goods.objects.filter(pk=hidden.pk).update(is_published=False)
    assert names_in(text_of(shopper.get("/"))) == []
    assert shopper.get(f"/goods/{hidden.slug}/").status_code == 404


def test_the_page_of_goods_has_options_prices_and_stock(shopper: Client, make_sku: MakeSku) -> None:
    goods = make_sku("Shirt", option_values=["Small"], price="50", compare_at_price=Decimal(70), stock=2).goods
    make_sku(goods=goods, option_values=["Large"], price="60", stock=0)
    page = text_of(shopper.get(f"/goods/{goods.slug}/"))
    assert "Small" in page
    assert "$50.00" in page
    assert "<s>$70.00</s>" in page
    assert "Only 2 left" in page
    assert re.search(r'value="\d+" required data-price="\$60.00"[^>]* disabled', page)


def test_sold_out_goods_cannot_be_put_into_the_cart(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Shirt", stock=0)
    page = text_of(shopper.get(f"/goods/{sku.goods.slug}/"))
    assert "Sold out" in page
    assert "buy-form" not in page


def test_goods_without_skus_have_a_page(shopper: Client, shop: TenantInfo) -> None:
    Goods.objects.create(name="Announced", slug="announced")
    assert names_in(text_of(shopper.get("/"))) == ["Announced"]
    assert "Sold out" in text_of(shopper.get("/goods/announced/"))


def test_related_goods_are_those_of_the_same_category(shopper: Client, make_sku: MakeSku) -> None:
    shelf = Category.objects.create(name="Tools", slug="tools")
    hammer, saw = make_sku("Hammer").goods, make_sku("Saw").goods
    Goods.objects.filter(pk__in=[hammer.pk, saw.pk]).update(category=shelf)
    make_sku("Apple")
    assert names_in(text_of(shopper.get(f"/goods/{hammer.slug}/"))) == ["Saw"]


# --- How many queries ---


def _furnish(make_sku: MakeSku, kinds: int) -> list[Sku]:
    shelf, _ = Category.objects.get_or_create(name="Shelf", slug="shelf")
    skus = []
    for number in range(kinds):
        sku = make_sku(option_values=["Small"])
        make_sku(goods=sku.goods, option_values=["Large"])
        Picture.objects.create(goods=sku.goods, source_url=f"https://example.com/{number}.jpg")
        Goods.objects.filter(pk=sku.goods_id).update(category=shelf)
        skus.append(sku)
    return skus


@pytest.mark.parametrize(
    ("path", "queries"), [("/", 5), ("/?q=goods&sort=cheapest", 5), ("/c/shelf/", 5), ("/goods/first/", 7)]
)
def test_a_page_of_goods_asks_a_constant_number_of_queries(
    shopper: Client, make_sku: MakeSku, django_assert_num_queries: Any, path: str, queries: int
) -> None:
    first = _furnish(make_sku, 2)[0]
    Goods.objects.filter(pk=first.goods_id).update(slug="first")
    put_into_cart(shopper, first)
    text_of(shopper.get("/cart/"))  # has shown the message
    with django_assert_num_queries(queries):
        text_of(shopper.get(path))
    _furnish(make_sku, 10)
    with django_assert_num_queries(queries):
        text_of(shopper.get(path))


@pytest.mark.parametrize("path", ["/cart/", "/checkout/"])
def test_the_cart_asks_a_constant_number_of_queries(
    shopper: Client, make_sku: MakeSku, django_assert_num_queries: Any, path: str
) -> None:
    skus = _furnish(make_sku, 6)
    put_into_cart(shopper, skus[0])
    with django_assert_num_queries(4):
        text_of(shopper.get(path))
    for sku in skus[1:]:
        put_into_cart(shopper, sku)
    with django_assert_num_queries(4):
        text_of(shopper.get(path))


# --- The cart ---


def test_goods_are_put_into_the_cart_changed_and_removed(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Blue shirt", price="50", stock=9)
    assert "Blue shirt was added to your cart." in put_into_cart(shopper, sku, 2)
    assert "$150.00" in put_into_cart(shopper, sku)
    assert "$250.00" in text_of(shopper.post("/cart/change/", {"sku": sku.pk, "quantity": 5}, follow=True))
    assert "Your cart is empty" in text_of(shopper.post("/cart/change/", {"sku": sku.pk, "quantity": 0}, follow=True))


def test_the_cart_takes_no_more_than_there_is(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Blue shirt", price="50", stock=3)
    page = put_into_cart(shopper, sku, 8)
    assert "Only 3 of Blue shirt are in stock" in page
    assert "$150.00" in page


@pytest.mark.parametrize("quantity", ["0", "-1", str(MAX_QUANTITY + 1), "1e9", "many", ""])
def test_a_quantity_that_makes_no_sense_is_refused(shopper: Client, make_sku: MakeSku, quantity: str) -> None:
    sku = make_sku()
    shopper.post("/cart/add/", {"sku": sku.pk, "quantity": quantity})
    assert "Your cart is empty" in text_of(shopper.get("/cart/"))


@pytest.mark.parametrize("sku", ["0", "-1", str(2**63), "x", "\0", ""])
def test_a_sku_that_is_not_there_is_refused(shopper: Client, make_sku: MakeSku, sku: str) -> None:
    make_sku()
    shopper.post("/cart/add/", {"sku": sku, "quantity": 1})
    shopper.post("/cart/change/", {"sku": sku, "quantity": 1})
    assert "Your cart is empty" in text_of(shopper.get("/cart/"))


def test_sold_out_and_unpublished_skus_are_refused(shopper: Client, make_sku: MakeSku) -> None:
    gone, hidden = make_sku("Gone", stock=0), make_sku("Hidden")
    Goods.objects.filter(pk=hidden.goods_id).update(is_published=False)
    assert "Gone is sold out." in put_into_cart(shopper, gone)
    put_into_cart(shopper, hidden)
    assert "Your cart is empty" in text_of(shopper.get("/cart/"))


def test_what_is_no_longer_for_sale_leaves_the_cart_with_a_word(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Blue shirt")
    put_into_cart(shopper, sku)
    Goods.objects.filter(pk=sku.goods_id).update(is_published=False)
    page = text_of(shopper.get("/cart/"))
    assert "no longer available" in page
    assert "Your cart is empty" in page


def test_a_cart_is_worth_nothing_in_another_shop(
    shopper: Client, make_sku: MakeSku, globex: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    sku = make_sku("Blue shirt")
    put_into_cart(shopper, sku)
    elsewhere = client_of(globex)
    elsewhere.cookies = shopper.cookies
    assert "Your cart is empty" in text_of(elsewhere.get("/cart/"))


def test_the_cart_is_changed_by_posts_alone(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku()
    assert shopper.get("/cart/add/", {"sku": sku.pk, "quantity": 1}).status_code == 405
    assert shopper.get("/cart/change/", {"sku": sku.pk, "quantity": 1}).status_code == 405


def test_a_form_from_elsewhere_is_refused_in_the_look_of_the_shop(shop: TenantInfo) -> None:
    strict = Client(HTTP_HOST=shop.host, enforce_csrf_checks=True)
    page = text_of(strict.post("/cart/add/", {"sku": 1, "quantity": 1}), 403)
    assert "Go back and try again" in page
    assert shop.name in page


# --- Ordering ---


def _checkout(shopper: Client, total: str, **changes: str) -> HttpResponse:
    return shopper.post("/checkout/", {**FORM, "agreed_total": total, **changes}, follow=True)


def test_an_order_is_placed_and_confirmed(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Blue shirt", price="49.50", stock=5)
    put_into_cart(shopper, sku, 2)
    page = text_of(_checkout(shopper, "99.00"))
    order = Order.objects.get()
    assert order.number in page
    assert "2 × Blue shirt" in page
    assert "$99.00" in page
    assert order.total == Decimal("99.00")
    assert order.ship_to == "Nora Lindqvist\n12 Alder Street\nSan Francisco\n+1 415 555 0134"
    assert order.customer == Customer.objects.get(email="nora@example.com")
    assert stock_of(sku) == 3
    assert "Your cart is empty" in text_of(shopper.get("/cart/"))


def test_only_the_session_that_ordered_sees_the_confirmation(
    shopper: Client, stranger: Client, make_sku: MakeSku
) -> None:
    put_into_cart(shopper, make_sku(price="50"))
    text_of(_checkout(shopper, "50"))
    address = f"/orders/{Order.objects.get().number}/"
    assert shopper.get(address).status_code == 200
    page = text_of(stranger.get(address), 404)
    assert "Nora" not in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 256),
        ("email", "nora"),
        ("phone", "call me"),
        ("phone", "1" * 65),
        ("address", ""),
        ("address", "a\0b"),
        ("agreed_total", ""),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_lost(shopper: Client, make_sku: MakeSku, field: str, value: str) -> None:
    put_into_cart(shopper, make_sku("Blue shirt", price="50"))
    page = text_of(_checkout(shopper, **{"total": "50", field: value}))
    assert 'role="alert"' in page
    assert "Blue shirt" in page
    kept = next(value for name, value in FORM.items() if name not in (field, "email"))
    assert kept.splitlines()[0] in page
    assert not Order.objects.exists()


def test_sold_out_product_is_reported_on_the_form_and_input_is_kept(shopper: Client, make_sku: MakeSku) -> None:
    shirt, hat = make_sku("Blue shirt", price="50", stock=5), make_sku("Hat", price="20", stock=5)
    put_into_cart(shopper, shirt, 3)
    put_into_cart(shopper, hat)
    Sku.objects.filter(pk=shirt.pk).update(stock=1)
    page = text_of(_checkout(shopper, "170"))
    assert "Only 1 of Blue shirt is in stock; you ordered 3." in page
    assert 'value="Nora Lindqvist"' in page
    assert "12 Alder Street" in page
    assert not Order.objects.exists()
    assert (stock_of(shirt), stock_of(hat)) == (1, 5)
    assert "$170.00" in text_of(shopper.get("/cart/"))


def test_a_price_that_changed_meanwhile_is_agreed_to_first(shopper: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Blue shirt", price="50")
    put_into_cart(shopper, sku)
    Sku.objects.filter(pk=sku.pk).update(price=60)
    page = text_of(_checkout(shopper, "50"))
    assert "A price has changed" in page
    assert 'name="agreed_total" value="60.00"' in page
    assert not Order.objects.exists()
    assert stock_of(sku) == 5
    text_of(_checkout(shopper, "60.00"))
    assert Order.objects.get().total == 60


def test_goods_that_left_the_shop_meanwhile_are_not_ordered_unseen(shopper: Client, make_sku: MakeSku) -> None:
    shirt, hat = make_sku("Blue shirt", price="50"), make_sku("Hat", price="20")
    put_into_cart(shopper, shirt)
    put_into_cart(shopper, hat)
    Goods.objects.filter(pk=shirt.goods_id).update(is_published=False)
    page = text_of(_checkout(shopper, "70"))
    assert "no longer available" in page
    assert 'name="agreed_total" value="20.00"' in page
    assert not Order.objects.exists()


def test_there_is_no_checkout_for_an_empty_cart(shopper: Client, shop: TenantInfo) -> None:
    assert shopper.get("/checkout/")["Location"] == "/cart/"
    assert _checkout(shopper, "0").redirect_chain == [("/cart/", 302)]


# --- Language, money, look ---


def test_a_shop_speaks_korean_and_prices_have_no_decimals(
    initech: TenantInfo, client_of: Callable[[TenantInfo], Client], make_sku: MakeSku
) -> None:
    with use_tenant(initech):
        make_sku("사과", price="15900")
    shopper = client_of(initech)
    answer = shopper.post("/i18n/setlang/", {"language": "ko", "next": "/?sort=cheapest"})
    assert answer["Location"] == "/?sort=cheapest"
    page = text_of(shopper.get("/"))
    assert '<html lang="ko"' in page
    assert "전체 상품" in page
    assert "15,900원<" in page


def test_a_slug_always_has_the_same_look() -> None:
    assert [palette(slug) for slug in ("acme", "globex", "initech")] == ["palette-6", "palette-2", "palette-0"]
    assert {palette(f"shop-{number}") for number in range(200)} == {f"palette-{number}" for number in range(PALETTES)}


@pytest.mark.parametrize("path", ["/", "/goods/shirt/", "/cart/", "/checkout/", "/nothing/"])
def test_no_page_has_style_or_script_inside(shopper: Client, make_sku: MakeSku, path: str) -> None:
    sku = make_sku("Shirt")
    Goods.objects.filter(pk=sku.goods_id).update(slug="shirt")
    put_into_cart(shopper, sku)
    _assert_nothing_inline(shopper.get(path).content.decode())


@pytest.mark.parametrize(
    "template",
    ["404.html", "403_csrf.html", "500.html"]
    + [
        f"tenants/{name}.html"
        for name in (
            "unknown_host",
            "suspended",
            "accounts/set_password",
            "accounts/set_password_done",
            "platform_home",
        )
    ],
)
def test_the_pages_of_the_building_need_neither_database_nor_inline_code(platform: TenantInfo, template: str) -> None:
    # No tenant is active: a query would raise. What the pages link to is served by the platform's host.
    _assert_nothing_inline(render_to_string(template, {"name": "Acme", "tenant": platform, "validlink": False}))


def _assert_nothing_inline(page: str) -> None:
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)=", page)
    of_the_building = re.escape(tenancy().url_of(tenancy().base_domain, "/static/"))
    assert not re.search(rf'(?:href|src)="(?!{of_the_building})https?:', page)
