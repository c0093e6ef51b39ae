"""A list of goods, as a project with one shop has it; with related rows in lists; and with customer A's fields.

They answer with the same as Sangga (`bench.api` compares them), and ask for what they show and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Expression, F, Min, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Round
from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI, Query, Schema
from pydantic import Field

from shop.api.schemas.goods import GoodsBase
from shop.api.schemas.skus import SkuBase
from shop.goods.models import Goods, Picture, Sku
from shop.variants.customer_a.models import Goods as GoodsOfCustomerA

CURRENCY = "USD"


class Part(Schema):
    """Which part of the list, and of what."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0)
    category: str = ""


class SkuOut(SkuBase):
    """A sku and its prices."""

    price: str
    compare_at_price: str | None

    @staticmethod
    def resolve_price(sku: Any) -> str:
        return f"{sku.selling_price:.2f}"

    @staticmethod
    def resolve_compare_at_price(sku: Any) -> str | None:
        return None if sku.selling_price_before is None else f"{sku.selling_price_before:.2f}"


class GoodsOut(GoodsBase):
    """Goods and their skus."""

    currency: str
    price: str | None
    skus: list[SkuOut]

    @staticmethod
    def resolve_currency(goods: Goods) -> str:
        return CURRENCY

    @staticmethod
    def resolve_price(goods: Any) -> str | None:
        return None if goods.lowest_price is None else f"{goods.lowest_price:.2f}"


class GoodsOfCustomerAOut(GoodsOut):
    """Goods with customer A's fields."""

    category_code: str
    vendor_code: str
    tax_rate: Decimal


class GoodsInListsOut(GoodsOut):
    """Goods whose related rows were put into lists, which saves a queryset for each of them."""

    @staticmethod
    def resolve_skus(goods: Any) -> list[Sku]:
        return goods.sku_list

    @staticmethod
    def resolve_pictures(goods: Any) -> list[Picture]:
        return goods.picture_list


class Page(Schema):
    """A part of the list."""

    items: list[GoodsOut]
    count: int


class PageInLists(Schema):
    """A part of the list."""

    items: list[GoodsInListsOut]
    count: int


class PageOfCustomerA(Schema):
    """A part of the list."""

    items: list[GoodsOfCustomerAOut]
    count: int


Price = Callable[[str], F | Expression]


def with_tax(field: str) -> Expression:
    """Return what customer A's customers pay."""
    money = DecimalField(max_digits=14, decimal_places=2)
    return Round(F(field) * (1 + F("goods__customer_a__tax_rate")), 2, output_field=money)


def page_of(goods: QuerySet[Any], price: Price, part: Part, *, lists: bool = False) -> dict[str, Any]:
    """Return a part of the list: a query each for the goods, their skus, their pictures, and how many there are."""
    goods = goods.filter(is_published=True)
    if part.category:
        goods = goods.filter(category__slug=part.category)
    skus = Sku.objects.annotate(selling_price=price("price"), selling_price_before=price("compare_at_price"))
    of_goods = Sku.objects.filter(goods=OuterRef("pk")).order_by().values("goods")
    lowest = Subquery(of_goods.annotate(lowest=Min(price("price"))).values("lowest"))
    rows = goods.annotate(lowest_price=lowest).select_related("category")
    names = {"skus": "sku_list", "pictures": "picture_list"} if lists else {"skus": None, "pictures": None}
    rows = rows.prefetch_related(
        Prefetch("skus", skus, to_attr=names["skus"]), Prefetch("pictures", to_attr=names["pictures"])
    )
    return {"items": list(rows[part.offset : part.offset + part.limit]), "count": goods.count()}


api = NinjaAPI(title="Shop API")


@api.get("/goods", response=Page)
def list_goods(request: HttpRequest, part: Query[Part]) -> Any:
    """List goods, the newest first."""
    return page_of(Goods.objects.all(), F, part)


@api.get("/goods-in-lists", response=PageInLists)
def list_goods_in_lists(request: HttpRequest, part: Query[Part]) -> Any:
    """List goods, the newest first."""
    return page_of(Goods.objects.all(), F, part, lists=True)


@api.get("/goods-of-customer-a", response=PageOfCustomerA)
def list_goods_of_customer_a(request: HttpRequest, part: Query[Part]) -> Any:
    """List customer A's goods, the newest first."""
    return page_of(GoodsOfCustomerA.objects.all(), with_tax, part)


urlpatterns = [path("api/v1/", api.urls)]
