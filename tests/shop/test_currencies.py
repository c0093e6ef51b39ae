"""Currencies with three, two and no decimals, from the entered price to the order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from shop.goods.exporter import export_goods
from shop.goods.formats.numbers import read_price
from shop.goods.models import Goods, Sku
from shop.goods.money import exponent
from shop.orders.models import Order
from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.models import Tenant
from tenants.registry.lookup import registry
from tests.shop.test_storefront import FORM

CASES = [
    pytest.param("KWD", "1.255", "3.765", "KWD\N{NO-BREAK SPACE}3.765", "0.0005", id="three"),
    pytest.param("USD", "1.25", "3.75", "$3.75", "0.005", id="two"),
    pytest.param("KRW", "1250", "3750", "₩3,750", "0.5", id="none"),
]


@pytest.fixture
def shop_in(acme: TenantInfo) -> Iterator[Callable[[str], TenantInfo]]:
    """Return a function that gives a shop another currency."""

    def shop(currency: str) -> TenantInfo:
        with use_tenant(PLATFORM):
            Tenant.objects.filter(pk=acme.id).update(currency=currency)
        registry.clear()
        return replace(acme, currency=currency)

    yield shop
    registry.clear()


def sku_at(price: str, **fields: Any) -> Sku:
    goods = Goods.objects.create(name="Saffron", slug="saffron", is_published=True)
    return Sku.objects.create(goods=goods, price=Decimal(price), stock=9, **fields)


def owner_of(shop: TenantInfo) -> Client:
    client = Client(HTTP_HOST=shop.host)
    with use_tenant(shop):
        client.force_login(User.objects.get(username="owner@acme.example"))
    return client


@pytest.mark.parametrize(("currency", "price", "total", "shown", "too_small"), CASES)
def test_a_currency_works_from_the_price_to_the_order(
    shop_in: Callable[[str], TenantInfo], currency: str, price: str, total: str, shown: str, too_small: str
) -> None:
    """Fault 27: storefront, cart, checkout and the order's page."""
    shop = shop_in(currency)
    shopper = Client(HTTP_HOST=shop.host)
    with use_tenant(shop):
        sku = sku_at(price)
        sku.full_clean()
    shopper.post("/cart/add/", {"sku": sku.pk, "quantity": 3})
    page = shopper.get("/checkout/").content.decode()
    assert shown in page
    agreed = re.search(r'name="agreed_total" value="([^"]+)"', page)
    assert agreed
    assert Decimal(agreed[1]) == Decimal(total)
    placed = shopper.post("/checkout/", {**FORM, "agreed_total": agreed[1]})
    assert placed.status_code == 302
    assert shown in shopper.get(placed["Location"]).content.decode()
    with use_tenant(shop):
        order = Order.objects.latest("pk")
        assert (order.total, order.currency) == (Decimal(total), currency)


@pytest.mark.parametrize(("currency", "price", "total", "shown", "too_small"), CASES)
def test_a_smaller_fraction_than_a_currency_has_is_refused(
    shop_in: Callable[[str], TenantInfo], currency: str, price: str, total: str, shown: str, too_small: str
) -> None:
    """Fault 27: by the model, which the admin asks, and by the API."""
    shop = shop_in(currency)
    with use_tenant(shop):
        sku = sku_at(price)
        sku.price = Decimal(too_small)
        with pytest.raises(ValidationError):
            sku.full_clean()
    path, owner = f"/api/v2/skus/{sku.pk}/prices", owner_of(shop)
    known = {"If-Match": owner.get(f"/api/v2/skus/{sku.pk}")["ETag"]}
    for amount, status in ((too_small, 422), (price, 200)):
        money = {"amount": amount, "currency": currency}
        answer = owner.put(path, {"price": money}, content_type="application/json", headers=known)
        assert answer.status_code == status, answer.content


@pytest.mark.parametrize(("currency", "price", "total", "shown", "too_small"), CASES)
def test_files_have_as_many_places_as_a_currency_has(
    shop_in: Callable[[str], TenantInfo], currency: str, price: str, total: str, shown: str, too_small: str
) -> None:
    """Fault 27: what is exported, and what is read from a file."""
    with use_tenant(shop_in(currency)):
        sku_at(price)
        assert f",{price}," in "".join(export_goods(address=lambda name: name))
    assert read_price(price, currency) == Decimal(price)
    with pytest.raises(ValueError, match="decimal places"):
        read_price(too_small, currency)


@pytest.mark.parametrize(("currency", "price", "total", "shown", "too_small"), CASES)
def test_the_api_writes_as_many_places_as_a_currency_has(
    shop_in: Callable[[str], TenantInfo], currency: str, price: str, total: str, shown: str, too_small: str
) -> None:
    """Fault 27: amounts and the document that describes them."""
    shop = shop_in(currency)
    client = Client(HTTP_HOST=shop.host)
    with use_tenant(shop):
        sku_at(price)
    [goods] = [one for one in client.get("/api/v2/goods").json()["items"] if one["slug"] == "saffron"]
    assert price in str(goods)
    document = client.get("/api/v2/openapi.json").json()
    places = exponent(currency)
    fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    assert f"{{1,12}}{fraction}$" in str(document).replace("\\\\", "\\")


@pytest.mark.parametrize(("currency", "price", "total", "shown", "too_small"), CASES)
def test_forms_show_as_many_places_as_a_currency_has(
    shop_in: Callable[[str], TenantInfo], currency: str, price: str, total: str, shown: str, too_small: str
) -> None:
    """Fault 27: the admin's inputs, however many the column has."""
    shop = shop_in(currency)
    with use_tenant(shop):
        goods = sku_at(price).goods
    page = owner_of(shop).get(f"/admin/goods/goods/{goods.pk}/change/").content.decode()
    assert re.search(rf'name="skus-0-price" value="{re.escape(price)}"', page) or f'value="{price}"' in page
