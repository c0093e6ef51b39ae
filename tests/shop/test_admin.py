"""The shop's own admin: access, pages and permissions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.forms import MultiWidget
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from shop.admin_site import shop_site
from shop.customers.models import Customer
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.models import Order
from shop.orders.services import CustomerDetails, place_order
from shop.steps import CLERK, MANAGER
from tenants import TenantInfo, use_tenant

MakeSku = Callable[..., Sku]
KIM = CustomerDetails(email="kim@example.com", name="Kim Minjun")
LISTS = ["goods/goods", "goods/sku", "goods/category", "customers/customer", "orders/order", "auth/user", "auth/group"]


@pytest.fixture(autouse=True)
def shop(acme: TenantInfo, settings: Any) -> Iterator[TenantInfo]:
    settings.ROOT_URLCONF = "config.urls_tenant"  # for `reverse` in these tests
    with use_tenant(acme):
        yield acme


@pytest.fixture
def log_in(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> Callable[..., Client]:
    """Return a function that logs a new user of the shop in: a superuser, or staff of a group."""

    def log_in(group: str = "") -> Client:
        user = User.objects.create_user(group or "boss", is_staff=True, is_superuser=not group)
        if group:
            user.groups.add(Group.objects.get(name=group))
        client = client_of(shop)
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def boss(log_in: Callable[..., Client]) -> Client:
    return log_in()


def test_a_page_has_the_icon_of_the_shop(
    boss: Client, client_of: Callable[[TenantInfo], Client], shop: TenantInfo
) -> None:
    for page in (boss.get("/admin/"), client_of(shop).get("/admin/login/")):
        (href,) = re.findall(r'<link rel="icon" href="([^"]+)"', page.content.decode())
        assert href == "/static/storefront/icon.svg"


def _form_of(response: HttpResponse) -> dict[str, Any]:
    """Return what a browser would send back if nothing were changed on a page with a form."""
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    sent: dict[str, Any] = {}
    for bound in (field for form in forms for field in form):
        value, widget = bound.value(), bound.field.widget
        parts = widget.decompress(value) if isinstance(widget, MultiWidget) else []
        sent |= {f"{bound.html_name}_{number}": part for number, part in enumerate(parts)}
        sent[bound.html_name] = "" if value is None else value
        if bound.field.show_hidden_initial:
            sent[bound.html_initial_name] = sent[bound.html_name]
    return {name: value for name, value in sent.items() if value is not False}


def _order(make_sku: MakeSku, **fields: Any) -> Order:
    return place_order(KIM, {make_sku("Shirt", **fields).pk: 2}, "1 Main St")


def test_the_admin_asks_who_you_are(shop: TenantInfo, client_of: Callable[[TenantInfo], Client]) -> None:
    response = client_of(shop).get("/admin/", follow=True)
    assert response.redirect_chain == [("/admin/login/?next=/admin/", 302)]
    assert "Acme" in response.content.decode()


def test_nothing_of_the_platform_is_in_the_admin_of_a_shop(boss: Client) -> None:
    labels = {model._meta.app_label for model in shop_site._registry}
    assert labels == {"auth", "goods", "customers", "orders", "oauth"}
    page = boss.get("/admin/").content.decode()
    for model in apps.get_app_config("tenants").get_models():
        assert f"/admin/tenants/{model._meta.model_name}/" not in page
        assert boss.get(f"/admin/tenants/{model._meta.model_name}/").status_code == 404


@pytest.mark.parametrize("path", ["", *(f"{name}/" for name in LISTS)])
def test_every_page_is_headed_by_the_name_of_the_shop(boss: Client, path: str) -> None:
    response = boss.get(f"/admin/{path}")
    assert response.status_code == 200
    assert "Acme" in response.content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_the_same_queries_however_long_it_is(boss: Client, make_sku: MakeSku, name: str) -> None:
    def fill(number: int) -> None:
        goods = make_sku(option_values=["S"], stock=9).goods
        goods.category = Category.objects.create(name=f"C{number}", slug=f"c{number}")
        goods.save()
        Picture.objects.create(goods=goods, source_url="https://cdn.example.com/a.jpg")
        details = CustomerDetails(email=f"{number}@example.com", name="Kim")
        place_order(details, {goods.skus.get().pk: 1}, "1 Main St")
        User.objects.create_user(f"user-{number}")
        Group.objects.create(name=f"group-{number}")

    counts = []
    for batch in (range(2), range(2, 12)):
        for number in batch:
            fill(number)
        boss.get(f"/admin/{name}/")
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(f"/admin/{name}/").status_code == 200
        counts.append(sum("tenants_" not in query["sql"] for query in queries))  # the host may be looked up again
    assert counts[0] == counts[1] <= 12


def test_the_list_of_goods_shows_picture_prices_and_stock(boss: Client, make_sku: MakeSku) -> None:
    goods = make_sku("Shirt", price="50", stock=3, option_values=["S"]).goods
    make_sku(goods=goods, price="60", stock=4, option_values=["L"])
    Picture.objects.create(goods=goods, source_url="https://cdn.example.com/a.jpg")
    page = boss.get("/admin/goods/goods/").content.decode()
    for shown in ("Shirt", "https://cdn.example.com/a.jpg", "$50.00 – $60.00"):
        assert shown in page
    assert re.search(r">\s*7\s*<", page)


def test_goods_are_searched_by_the_code_of_their_skus(boss: Client, make_sku: MakeSku) -> None:
    make_sku("Shirt", code="X-1")
    make_sku("Socks", code="X-2")
    found = boss.get("/admin/goods/goods/", {"q": "x-2"}).context["cl"].result_list
    assert [goods.name for goods in found] == ["Socks"]


def test_goods_are_entered_with_skus_and_pictures(boss: Client) -> None:
    page = boss.get("/admin/goods/goods/add/")
    form = _form_of(page) | {
        "name": "Shirt",
        "slug": "shirt",
        "tags": "new\r\nred, dark\r\n\r\n",
        "option_names": "Size",
        "is_published": "on",
        "skus-TOTAL_FORMS": "2",
        "pictures-TOTAL_FORMS": "1",
        "pictures-0-source_url": "https://cdn.example.com/a.jpg",
        "pictures-0-position": "1",
    }
    for number, size in enumerate(["S", "M, slim"]):
        sku = {"option_values": size, "price": "50", "stock": "3", "weight_grams": "0", "position": "0", "code": ""}
        form |= {f"skus-{number}-{name}": value for name, value in sku.items()}
    assert boss.post("/admin/goods/goods/add/", form).status_code == 302
    goods = Goods.objects.get()
    assert goods.tags == ["new", "red, dark"]
    assert [(sku.option_values, sku.price) for sku in goods.skus.all()] == [(["S"], 50), (["M, slim"], 50)]
    assert goods.picture.url == "https://cdn.example.com/a.jpg"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("price", "9.999", "decimal places"), ("price", "-1", "negative"), ("stock", "-1", "cannot be negative")],
)
def test_a_wrong_price_or_stock_is_refused(boss: Client, make_sku: MakeSku, field: str, value: str, said: str) -> None:
    url = reverse("admin:goods_goods_change", args=[make_sku().goods.pk])
    response = boss.post(url, _form_of(boss.get(url)) | {f"skus-0-{field}": value})
    assert response.status_code == 200
    assert said in str(response.context["inline_admin_formsets"][0].formset.errors)


def test_two_new_skus_with_one_code_are_refused(boss: Client, make_sku: MakeSku) -> None:
    url = reverse("admin:goods_goods_change", args=[make_sku(code="X-0").goods.pk])
    form = _form_of(boss.get(url)) | {"skus-TOTAL_FORMS": "3"}
    for number in (1, 2):
        sku = {"option_values": f"S{number}", "price": "5", "stock": "1", "weight_grams": "0", "position": "0"}
        form |= {f"skus-{number}-{name}": value for name, value in {**sku, "code": "X-1"}.items()}
    response = boss.post(url, form)
    assert response.status_code == 200
    assert "the SKU X-1." in str(response.context["inline_admin_formsets"][0].formset.non_form_errors())


def test_what_is_sold_while_a_page_is_open_is_not_put_back(boss: Client, make_sku: MakeSku) -> None:
    sku = make_sku("Shirt", stock=5)
    url = reverse("admin:goods_goods_change", args=[sku.goods.pk])
    form = _form_of(boss.get(url)) | {"skus-0-price": "60"}
    place_order(KIM, {sku.pk: 2}, "1 Main St")
    assert boss.post(url, form).status_code == 302
    sku.refresh_from_db()
    assert (sku.price, sku.stock) == (Decimal(60), 3)


@pytest.mark.parametrize("name", ["goods", "sku"])
def test_a_stock_that_has_changed_meanwhile_is_not_written_over(boss: Client, make_sku: MakeSku, name: str) -> None:
    sku = make_sku("Shirt", stock=5)
    url = reverse(f"admin:goods_{name}_change", args=[sku.goods.pk if name == "goods" else sku.pk])
    field = "skus-0-stock" if name == "goods" else "stock"
    form = _form_of(boss.get(url))
    place_order(KIM, {sku.pk: 2}, "1 Main St")
    response = boss.post(url, form | {field: "15"})
    assert "The stock is now 3." in response.content.decode()
    assert boss.post(url, _form_of(boss.get(url)) | {field: "15"}).status_code == 302
    sku.refresh_from_db()
    assert sku.stock == 15


def test_goods_with_hundreds_of_skus_can_be_saved(boss: Client, make_sku: MakeSku) -> None:
    goods = make_sku(option_values=["0"]).goods
    for number in range(1, 210):
        make_sku(goods=goods, option_values=[str(number)], position=number)
    url = reverse("admin:goods_goods_change", args=[goods.pk]) + "?skus-page=2"
    form = _form_of(boss.get(url)) | {"skus-0-price": "77"}
    assert boss.post(url, form).status_code == 302
    assert Sku.objects.get(price=77).position == 50


def test_goods_that_were_ordered_cannot_be_deleted(boss: Client, make_sku: MakeSku) -> None:
    order = _order(make_sku)
    goods = order.lines.get().sku.goods
    boss.post(reverse("admin:goods_goods_delete", args=[goods.pk]), {"post": "yes"})
    assert Goods.objects.filter(pk=goods.pk).exists()


def test_goods_without_orders_can_be_deleted(boss: Client, make_sku: MakeSku) -> None:
    goods = make_sku().goods
    assert boss.post(reverse("admin:goods_goods_delete", args=[goods.pk]), {"post": "yes"}).status_code == 302
    assert not Goods.objects.exists()


@pytest.mark.parametrize("name", ["goods_goods", "customers_customer", "orders_order", "goods_sku", "auth_user"])
def test_unknown_id_redirects_to_the_index(boss: Client, name: str) -> None:
    for key in ("999", "abc", "9" * 30):
        response = boss.get(reverse(f"admin:{name}_change", args=[key]))
        assert (response.status_code, response.url) == (302, "/admin/")


def test_an_order_shows_its_lines_and_changes_none_of_them(boss: Client, make_sku: MakeSku) -> None:
    order = _order(make_sku, price="19.90")
    url = reverse("admin:orders_order_change", args=[order.pk])
    page = boss.get(url)
    for shown in (order.number, "Shirt", "$19.90", "$39.80", "Kim Minjun", "1 Main St", "Mark as paid", "Cancel order"):
        assert shown in page.content.decode()
    assert "Mark as shipped" not in page.content.decode()
    form = _form_of(page) | {"lines-0-quantity": "99", "status": "shipped", "total": "0", "ship_to": "2 Main St"}
    assert boss.post(url, form).status_code == 302
    order.refresh_from_db()
    assert (order.status, order.total, order.ship_to) == ("placed", Decimal("39.80"), "2 Main St")
    assert order.lines.get().quantity == 2


def test_the_buttons_of_an_order_move_it_on(boss: Client, make_sku: MakeSku) -> None:
    order = _order(make_sku)
    url = reverse("admin:orders_order_change", args=[order.pk])
    for button, status in (
        ("pay_this", "paid"),
        ("pay_this", "paid"),
        ("ship_this", "shipped"),
        ("cancel_this", "shipped"),
    ):
        boss.post(url, _form_of(boss.get(url)) | {f"orders_order_{button}": ""})
        order.refresh_from_db()
        assert order.status == status
    assert LogEntry.objects.filter(change_message="paid", user__username="boss").count() == 1


def test_looking_at_an_order_changes_nothing(boss: Client, make_sku: MakeSku) -> None:
    order = _order(make_sku)
    for button in ("pay_this", "cancel_this"):
        boss.get(f"/admin/orders/order/{order.pk}/{button}/")
    order.refresh_from_db()
    assert order.status == "placed"


def test_cancelling_in_the_list_puts_pieces_back_and_says_what_it_could_not(boss: Client, make_sku: MakeSku) -> None:
    shipped, placed = _order(make_sku, stock=5), _order(make_sku, stock=5)
    Order.objects.filter(pk=shipped.pk).update(status="shipped")
    chosen = {"action": "cancel", "_selected_action": [shipped.pk, placed.pk]}
    page = boss.post("/admin/orders/order/", chosen, follow=True)
    said = [str(message) for message in page.context["messages"]]
    assert sorted(said) == ["1 order updated.", f"Order {shipped.number} is shipped and cannot become cancelled."]
    assert sorted(Sku.objects.values_list("stock", flat=True)) == [3, 5]


def test_orders_are_neither_written_nor_deleted_by_hand(boss: Client, make_sku: MakeSku) -> None:
    order = _order(make_sku)
    assert boss.get("/admin/orders/order/add/").status_code == 403
    assert boss.post(f"/admin/orders/order/{order.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_customer_is_shown_with_their_orders(boss: Client, make_sku: MakeSku) -> None:
    order = _order(make_sku, price="19.90")
    page = boss.get(reverse("admin:customers_customer_change", args=[order.customer_id])).content.decode()
    assert order.number in page
    assert "$39.80" in page
    assert reverse("admin:orders_order_change", args=[order.pk]) in page


def test_the_address_of_a_customer_is_kept_in_lower_case(boss: Client) -> None:
    form = {"name": "Kim", "email": "Kim@Example.com", "phone": "", "user": ""}
    page = boss.get("/admin/customers/customer/add/")
    assert boss.post("/admin/customers/customer/add/", _form_of(page) | form).status_code == 302
    assert Customer.objects.get().email == "kim@example.com"
    again = boss.post("/admin/customers/customer/add/", _form_of(page) | form)
    assert "already exists" in str(again.context["adminform"].form.errors)


# --- Staff --------------------------------------------------------------------------------------------------------


def test_a_clerk_looks_after_stock_and_orders_alone(log_in: Callable[..., Client], make_sku: MakeSku) -> None:
    order = _order(make_sku)
    sku = order.lines.get().sku
    clerk = log_in(CLERK)
    page = clerk.get("/admin/").content.decode()
    assert "/admin/orders/order/" in page
    assert "/admin/auth/" not in page
    assert clerk.get("/admin/auth/user/").status_code == 403
    url = reverse("admin:goods_sku_change", args=[sku.pk])
    clerk.post(url, _form_of(clerk.get(url)) | {"stock": "40", "price": "1"})
    url = reverse("admin:orders_order_change", args=[order.pk])
    clerk.post(url, _form_of(clerk.get(url)) | {"orders_order_pay_this": ""})
    sku.refresh_from_db()
    order.refresh_from_db()
    assert (sku.stock, sku.price, order.status) == (40, 50, "paid")
    goods = reverse("admin:goods_goods_change", args=[sku.goods.pk])
    assert clerk.get(goods).status_code == 200
    assert clerk.post(goods, {"name": "Hacked"}).status_code == 403


def test_a_manager_has_all_rights_on_goods_customers_and_orders(log_in: Callable[..., Client]) -> None:
    manager = log_in(MANAGER)
    for path in ("goods/goods/add/", "goods/category/add/", "customers/customer/add/", "orders/order/", "auth/user/"):
        assert manager.get(f"/admin/{path}").status_code == 200
    for path in ("auth/user/add/", "auth/group/"):
        assert manager.get(f"/admin/{path}").status_code == 403


def test_user_cannot_grant_itself_more_permissions(log_in: Callable[..., Client]) -> None:
    manager = log_in(MANAGER)
    user = User.objects.get(username=MANAGER)
    url = reverse("admin:auth_user_change", args=[user.pk])
    sent = _form_of(manager.get(url)) | {"first_name": "Lee", "is_superuser": "on", "groups": [1, 2]}
    assert manager.post(url, sent).status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.is_superuser, user.groups.count()) == ("Lee", False, 1)


def test_user_cannot_take_over_an_account_with_more_permissions(log_in: Callable[..., Client]) -> None:
    owner = User.objects.get(is_superuser=True)
    manager = log_in(MANAGER)
    change = reverse("admin:auth_user_change", args=[owner.pk])
    password = reverse("admin:auth_user_password_change", args=[owner.pk])
    assert manager.post(change, {"email": "mine@example.com"}).status_code == 403
    assert manager.post(password, {"password1": "Gg77-mine-now", "password2": "Gg77-mine-now"}).status_code == 403


def test_a_group_is_offered_the_rights_of_the_shop_alone(boss: Client) -> None:
    page = boss.get("/admin/auth/group/add/")
    offered = page.context["adminform"].form.fields["permissions"].queryset
    assert {right.content_type.app_label for right in offered} == {"goods", "customers", "orders", "auth", "oauth"}
