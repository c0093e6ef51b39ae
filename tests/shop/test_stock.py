"""SKUs without tracked stock and on back order: in the storefront, the cart, orders and the admin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F
from django.test import Client

from shop.goods.models import Goods, Sku
from shop.orders.errors import OrderRefused, OutOfStock
from shop.orders.models import Order
from shop.orders.services import CustomerDetails, cancel_order, place_order
from tenants import TenantInfo, use_tenant
from tenants.variants import resolve

MakeSku = Callable[..., Sku]
KIM = CustomerDetails(email="kim@example.com", name="Kim Minjun", phone="010-1234-5678")


@pytest.fixture
def shop(acme: TenantInfo) -> Iterator[TenantInfo]:
    with use_tenant(acme):
        yield acme


@pytest.fixture
def shopper(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Client:
    return client_of(shop)


@pytest.mark.parametrize(
    ("fields", "most", "is_in_stock", "is_on_back_order"),
    [
        ({"stock": 3}, 3, True, False),
        ({"stock": 0}, 0, False, False),
        ({"stock": 3, "allow_backorders": True}, None, True, False),
        ({"stock": -2, "allow_backorders": True}, None, True, True),
        ({"stock": 0, "track_stock": False}, None, True, False),
        ({"stock": -2, "track_stock": False, "allow_backorders": True}, None, True, False),
    ],
)
def test_stock_of_a_sku_says_what_may_be_ordered(
    shop: TenantInfo, make_sku: MakeSku, fields: dict, most: int | None, is_in_stock: bool, is_on_back_order: bool
) -> None:
    """Fault 39: goods knew one notion alone, a number of pieces that are there."""
    sku = make_sku(**fields)
    assert (sku.max_quantity, sku.is_in_stock, sku.is_on_back_order) == (most, is_in_stock, is_on_back_order)
    assert Sku.objects.in_stock().exists() == is_in_stock
    assert Goods.objects.with_prices().get().in_stock == is_in_stock


def test_order_of_an_untracked_sku_leaves_its_stock_alone(shop: TenantInfo, make_sku: MakeSku) -> None:
    """Fault 39: an empty inventory tracker means always for sale."""
    sku = make_sku(stock=0, track_stock=False)
    order = place_order(KIM, {sku.pk: 40}, "1 Main St")
    sku.refresh_from_db()
    assert (sku.stock, order.lines.get().took_stock) == (0, False)
    Sku.objects.update(track_stock=True, stock=7)
    cancel_order(order)
    sku.refresh_from_db()
    assert sku.stock == 7, "what was not taken is not put back"


def test_order_beyond_the_stock_counts_what_is_owed(shop: TenantInfo, make_sku: MakeSku) -> None:
    """Fault 39: `Variant Inventory Policy=continue` sells on at 0."""
    sku = make_sku(stock=1, allow_backorders=True)
    order = place_order(KIM, {sku.pk: 3}, "1 Main St")
    sku.refresh_from_db()
    assert sku.stock == -2
    cancel_order(order)
    sku.refresh_from_db()
    assert sku.stock == 1
    Sku.objects.update(stock=0, allow_backorders=False)
    with pytest.raises(OutOfStock, match="is sold out"):
        place_order(KIM, {sku.pk: 1}, "1 Main St")


def test_orders_at_once_count_back_orders_exactly(live_tenant: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(live_tenant):
        owed = make_sku("Owed", stock=2, allow_backorders=True)
        scarce = make_sku("Scarce", stock=2)
    start, failed = Barrier(6), []

    def order() -> None:
        with use_tenant(live_tenant):
            start.wait()
            place_order(KIM, {owed.pk: 1}, "1 Main St")
            try:
                place_order(KIM, {scarce.pk: 1}, "1 Main St")
            except OrderRefused as refusal:
                failed.append(refusal)
            connections.close_all()

    threads = [Thread(target=order) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    with use_tenant(live_tenant):
        assert dict(Sku.objects.values_list("pk", "stock")) == {owed.pk: -4, scarce.pk: 0}
    assert len(failed) == 4


@pytest.mark.parametrize("variant", ["customer_a", "grocer"])
def test_variants_know_the_notions_of_stock(shop_of: Callable[..., TenantInfo], variant: str) -> None:
    with use_tenant(shop_of(variant)):
        goods = resolve("goods.models.Goods").objects.create(name="Ham", slug="ham")
        sku = resolve("goods.models.Sku").objects.create(goods=goods, price=5, track_stock=False)
        place_order(KIM, {sku.pk: 2}, "1 Main St")
        assert resolve("goods.models.Goods").objects.with_prices().get().in_stock


# --- What shoppers see


def test_pages_say_whether_a_sku_is_for_sale(shopper: Client, make_sku: MakeSku) -> None:
    """Fault 39: whole shops were imported as sold out."""
    for name, fields in {
        "Poster": {"stock": 0, "track_stock": False},
        "Lamp": {"stock": 0, "allow_backorders": True},
        "Gone": {"stock": 0},
    }.items():
        make_sku(name, **fields)
    cards = shopper.get("/").text.split('<article class="card')[1:]
    gone = {re.search("goods/[^>]*>([^<]+)", card)[1]: "Sold out" in card for card in cards}  # type: ignore[index]
    assert gone == {"Poster": False, "Lamp": False, "Gone": True}
    said = {
        sku.goods.name: shopper.get(f"/goods/{sku.goods.slug}/").text for sku in Sku.objects.select_related("goods")
    }
    assert "In stock" in said["Poster"]
    assert "On back order: ships when back in stock" in said["Lamp"]
    assert "Sold out" in said["Gone"]
    assert {name: "Add to cart" not in page for name, page in said.items()} == gone


def test_a_cart_takes_what_is_not_counted_and_what_is_owed(shopper: Client, make_sku: MakeSku) -> None:
    poster, lamp, scarce = (
        make_sku("Poster", stock=0, track_stock=False),
        make_sku("Lamp", stock=1, allow_backorders=True),
        make_sku("Scarce", stock=1),
    )
    for sku in (poster, lamp, scarce):
        shopper.post("/cart/add/", {"sku": sku.pk, "quantity": "3"})
    page = shopper.get("/cart/").text
    assert re.findall(r'name="quantity" value="([0-9]+)" min', page) == ["3", "3", "1"]
    assert page.count("On back order") == 1
    assert "fewer pieces left" not in page
    form = {"name": "Kim", "email": "kim@example.com", "phone": "010-1234-5678", "address": "1 Main St"}
    checkout = shopper.get("/checkout/").text
    assert "on back order" in checkout
    total = re.search(r'name="agreed_total" value="([^"]+)"', checkout)
    answer = shopper.post("/checkout/", {**form, "agreed_total": total[1] if total else ""})
    assert answer.status_code == 302, answer.content
    assert dict(Order.objects.get().lines.values_list("goods_name", "quantity")) == {
        "Poster": 3,
        "Lamp": 3,
        "Scarce": 1,
    }
    assert dict(Sku.objects.values_list("goods__name", "stock")) == {"Poster": 0, "Lamp": -2, "Scarce": 0}


# --- What staff sees


@pytest.fixture
def boss(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Client:
    client = client_of(shop)
    client.force_login(User.objects.get())
    return client


def test_the_admin_shows_and_sets_the_notions_of_stock(boss: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Poster", stock=0)
    url = f"/admin/goods/sku/{sku.pk}/change/"
    data = {"stock": "0", "initial-stock": "0", "allow_backorders": "on"}
    assert boss.post(url, data).status_code == 302
    sku.refresh_from_db()
    assert (sku.track_stock, sku.allow_backorders) == (False, True)
    row = boss.get("/admin/goods/goods/").text
    assert "∞" in row
    refused = boss.post(url, {"stock": "-1", "initial-stock": "0", "track_stock": "on"})
    assert "Enter 0 or more, or allow back orders" in refused.text
    assert boss.post(url, {"stock": "-1", "initial-stock": "0", "allow_backorders": "on"}).status_code == 302


def test_the_dashboard_names_counted_skus_alone(boss: Client, make_sku: MakeSku) -> None:
    make_sku("Poster", stock=0, track_stock=False)
    make_sku("Lamp", stock=-3, allow_backorders=True)
    make_sku("Scarce", stock=0)
    page = boss.get("/admin/")
    assert [sku.goods.name for sku in page.context["low"]] == ["Lamp", "Scarce"]
    (out,) = [figure for figure in page.context["figures"] if str(figure.title) == "Out of stock"]
    assert out.value == 1
    listed = boss.get(out.url).context["cl"].result_list
    assert [sku.goods.name for sku in listed] == ["Scarce"]


def test_the_table_takes_a_stock_below_zero_for_back_orders_alone(shop: TenantInfo, make_sku: MakeSku) -> None:
    for fields in ({"allow_backorders": True}, {"track_stock": False}):
        make_sku(stock=-1, **fields)
    sku = make_sku()
    with pytest.raises(IntegrityError), transaction.atomic():
        Sku.objects.filter(pk=sku.pk).update(stock=F("stock") - 6)


def test_the_release_before_writes_rows_beside_this_one(shop: TenantInfo, make_sku: MakeSku) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO goods_sku (goods_id, code, option_values, price, stock, weight_grams, barcode, position)"
            " VALUES (%s, '', '{x}', 1, 0, 0, '', 0) RETURNING track_stock, allow_backorders",
            [make_sku().goods_id],
        )
        assert cursor.fetchone() == (True, False)


def test_a_stock_at_the_ends_of_its_column_is_no_error(shop: TenantInfo, make_sku: MakeSku) -> None:
    """Fault 39: an order and its cancelling ended in "integer out of range"."""
    owed, endless = make_sku(stock=-(2**31) + 1, allow_backorders=True), make_sku(stock=2**31 - 1)
    place_order(KIM, {owed.pk: 1}, "1 Main St")
    with pytest.raises(OutOfStock):
        place_order(KIM, {owed.pk: 1}, "1 Main St")
    order = place_order(KIM, {endless.pk: 2}, "1 Main St")
    Sku.objects.filter(pk=endless.pk).update(stock=2**31 - 1)
    cancel_order(order)
    assert list(Sku.objects.order_by("pk").values_list("stock", flat=True)) == [-(2**31), 2**31 - 1]
