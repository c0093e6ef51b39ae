"""What the API says about goods."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import create_model

from shop.api.compose import with_fields
from shop.goods.models import Goods, Picture, Sku
from shop.goods.money import plain_money
from tenants import current_tenant


class MoneyOut(Schema):
    """An amount in the shop's currency."""

    amount: str = Field(description="A decimal with as many places as the currency has.", examples=["50.00"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])


class CategoryOut(Schema):
    name: str
    slug: str


class PictureOut(Schema):
    url: str
    alt: str

    @staticmethod
    def resolve_url(picture: Picture, context: dict[str, HttpRequest]) -> str:
        return context["request"].build_absolute_uri(picture.url)


class SkuOut(Schema):
    id: int
    code: str
    title: str = Field(description="The chosen options: “Small / Blue”; empty for goods of one kind.")
    option_values: list[str]
    price: MoneyOut
    compare_at_price: MoneyOut | None
    stock: int

    @staticmethod
    def resolve_price(sku: Sku) -> MoneyOut:
        return _money(sku.selling_price)

    @staticmethod
    def resolve_compare_at_price(sku: Sku) -> MoneyOut | None:
        return None if sku.selling_price_before is None else _money(sku.selling_price_before)


class GoodsOut(Schema):
    id: int
    name: str
    slug: str
    description: str
    vendor: str
    category: CategoryOut | None
    tags: list[str]
    option_names: list[str]
    price: MoneyOut | None = Field(description="The lowest of its skus; null if it has none.")
    skus: list[SkuOut]
    pictures: list[PictureOut]

    @staticmethod
    def resolve_price(goods: Goods) -> MoneyOut | None:
        prices = [sku.selling_price for sku in goods.skus.all()]
        return _money(min(prices)) if prices else None


class GoodsPage(Schema):
    items: list[GoodsOut]
    count: int = Field(description="How many there are on all pages.")


class GoodsFilter(Schema):
    """Which goods, and which page of them."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=2**31 - 1)
    search: str = Field("", max_length=200, description="Words that the name, description, vendor or a code has.")
    category: str = Field("", max_length=255, pattern=r"^[-\w]*$", description="The slug of a category.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsSchemas:
    """The schemas of goods as shops of one variant have them."""

    goods: type[GoodsOut]
    page: type[GoodsPage]
    filter: type[GoodsFilter]


def goods_schemas(variant: str) -> GoodsSchemas:
    """Return the schemas of goods for shops of `variant`."""
    sku = with_fields(SkuOut, variant, "goods.schemas.SkuFields")
    goods = with_fields(GoodsOut, variant, "goods.schemas.GoodsFields", skus=(list[sku], ...))
    page = create_model(
        "GoodsPage", __base__=GoodsPage, __doc__=GoodsPage.__doc__, __module__=__name__, items=(list[goods], ...)
    )
    return GoodsSchemas(goods=goods, page=page, filter=with_fields(GoodsFilter, variant, "goods.schemas.GoodsFilter"))


def _money(amount: Decimal) -> MoneyOut:
    currency = current_tenant().currency
    return MoneyOut(amount=plain_money(amount, currency), currency=currency)
