"""Constraints of the shop's tables, and the search for goods."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError

from shop.customers.models import Customer
from shop.goods.models import Category, Goods, Picture, Sku
from shop.orders.models import Order, OrderLine
from tenants import TenantInfo, use_tenant

MakeSku = Callable[..., Sku]


def test_a_sku_is_called_by_its_options(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        plain = make_sku("Shirt")
        small = make_sku("Shirt", option_values=["Small", "Blue"])
        assert (plain.title, str(plain)) == ("", "Shirt")
        assert (small.title, str(small)) == ("Small / Blue", "Shirt (Small / Blue)")


def test_a_code_belongs_to_one_sku_but_none_is_needed(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        make_sku(code="")
        make_sku(code="")
        make_sku(code="X-1")
        with pytest.raises(IntegrityError, match="sku_code_unique"), transaction.atomic():
            make_sku(code="X-1")


def test_goods_have_every_combination_of_options_once(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        goods = make_sku(option_values=["Small"]).goods
        make_sku(goods=goods, option_values=["Large"])
        with pytest.raises(IntegrityError, match="sku_options_unique"), transaction.atomic():
            make_sku(goods=goods, option_values=["Small"])


@pytest.mark.parametrize("wrong", [{"price": "-1"}, {"stock": -1}, {"compare_at_price": Decimal(-1)}])
def test_the_table_takes_no_negative_price_or_stock(
    acme: TenantInfo, make_sku: MakeSku, wrong: dict[str, object]
) -> None:
    with use_tenant(acme), pytest.raises(IntegrityError), transaction.atomic():
        make_sku(**wrong)


def test_a_price_with_more_places_than_the_currency_is_no_valid_price(initech: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(initech):
        sku = make_sku(price="1000")
        sku.price = Decimal("1000.50")
        with pytest.raises(ValidationError, match="KRW"):
            sku.full_clean()


def test_a_picture_is_a_file_or_an_address(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        goods = make_sku().goods
        assert Picture.objects.create(goods=goods, source_url="https://example.com/a.jpg").url.endswith("/a.jpg")
        assert Picture.objects.create(goods=goods, file="goods/b.jpg").url.endswith("goods/b.jpg")
        with pytest.raises(IntegrityError, match="picture_has_file_or_address"), transaction.atomic():
            Picture.objects.create(goods=goods)


def test_goods_outlive_their_category(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        goods = make_sku().goods
        goods.category = Category.objects.create(name="Shirts", slug="shirts")
        goods.save()
        goods.category.delete()
        goods.refresh_from_db()
        assert goods.category is None


def test_goods_that_were_ordered_cannot_be_deleted(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        sku = make_sku()
        customer = Customer.objects.create(email="kim@example.com", name="Kim")
        order = Order.objects.create(customer=customer, ship_to="Seoul", currency="USD", total=Decimal(50))
        OrderLine.objects.create(order=order, sku=sku, goods_name="Goods", unit_price=sku.price, quantity=1)
        with pytest.raises(ProtectedError):
            sku.goods.delete()
        with pytest.raises(ProtectedError):
            customer.delete()


def test_the_newest_goods_come_first(acme: TenantInfo, make_sku: MakeSku) -> None:
    with use_tenant(acme):
        old, new = make_sku().goods, make_sku().goods
        assert list(Goods.objects.all()) == [new, old]


@pytest.mark.parametrize("text", ["blue shirt", "SHIRT", "acme-7", "linen", "Weaver", "shirt weaver", "  blue  ", ""])
def test_search_finds_goods_by_name_description_vendor_and_code(acme: TenantInfo, make_sku: MakeSku, text: str) -> None:
    with use_tenant(acme):
        goods = Goods.objects.create(name="Blue Shirt", slug="blue", description="Pure linen.", vendor="Weavers Inc.")
        make_sku(goods=goods, code="ACME-7", option_values=["S"])
        make_sku(goods=goods, code="ACME-77", option_values=["M"])
        assert list(Goods.objects.search(text)) == [goods]


@pytest.mark.parametrize("text", ["red shirt", "%", "_", "blue\0shirt socks"])
def test_search_wants_every_word_and_takes_none_for_a_pattern(acme: TenantInfo, make_sku: MakeSku, text: str) -> None:
    with use_tenant(acme):
        make_sku("Blue Shirt")
        assert not Goods.objects.search(text).exists()


def test_a_list_with_prices_takes_three_queries_however_long_it_is(
    acme: TenantInfo, make_sku: MakeSku, django_assert_num_queries: Callable[..., object]
) -> None:
    with use_tenant(acme):
        for number in range(6):
            goods = make_sku(price=str(10 + number), option_values=["S"]).goods
            make_sku(goods=goods, price="99.50", option_values=["L"], stock=2)
            Picture.objects.create(goods=goods, source_url=f"https://example.com/{number}.jpg")
        with django_assert_num_queries(3):
            listed = list(Goods.objects.published().with_prices())
            for goods in listed:
                assert goods.category is None
                assert (len(goods.skus.all()), goods.picture.url[:8], goods.stock) == (2, "https://", 7)
        assert [goods.lowest_price for goods in listed] == [Decimal(price) for price in (15, 14, 13, 12, 11, 10)]
        assert {goods.highest_price for goods in listed} == {Decimal("99.50")}


def test_goods_for_programs_have_their_related_rows_in_lists(
    acme: TenantInfo, make_sku: MakeSku, django_assert_num_queries: Callable[..., object]
) -> None:
    with use_tenant(acme):
        for number in range(6):
            goods = make_sku(price=str(10 + number), option_values=["S"]).goods
            make_sku(goods=goods, price="99.50", option_values=["L"])
            Picture.objects.create(goods=goods, source_url=f"https://example.com/{number}.jpg")
        with django_assert_num_queries(3):
            listed = list(Goods.objects.published().with_lists())
            for number, goods in enumerate(reversed(listed)):
                assert goods.category is None
                assert [sku.selling_price for sku in goods.sku_list] == [Decimal(10 + number), Decimal("99.50")]
                assert [picture.url for picture in goods.picture_list] == [f"https://example.com/{number}.jpg"]
        assert [goods.lowest_price for goods in listed] == [Decimal(price) for price in (15, 14, 13, 12, 11, 10)]


def test_goods_without_skus_have_no_price(acme: TenantInfo) -> None:
    with use_tenant(acme):
        Goods.objects.create(name="Idea", slug="idea")
        idea = Goods.objects.with_prices().get()
        assert (idea.lowest_price, idea.highest_price, idea.stock, idea.picture) == (None, None, None, None)
        idea = Goods.objects.with_lists().get()
        assert (idea.lowest_price, idea.sku_list, idea.picture_list) == (None, [], [])


def test_the_same_slug_may_be_in_every_shop(acme: TenantInfo, globex: TenantInfo) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant):
            Goods.objects.create(name=tenant.name, slug="shirt")
    with use_tenant(acme):
        assert Goods.objects.get(slug="shirt").name == "Acme"


def test_no_relation_leads_out_of_the_schema_of_a_shop() -> None:
    for model in (Category, Goods, Sku, Picture, Customer, Order, OrderLine):
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey):
                assert field.related_model._meta.app_label in {"goods", "customers", "orders", "auth"}
