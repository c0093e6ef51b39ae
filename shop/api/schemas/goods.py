"""Goods and their pictures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import StringConstraints

from shop.api.schemas.fields import NO_NUL, Description, Input, Moment, Name, Slug, Text, patch_of
from shop.api.schemas.money import AmountOut, shop_amount
from shop.api.schemas.skus import SkuIn, SkuOfGoodsOut
from shop.goods import schemas
from shop.goods.models import Goods, Picture, Sku
from tenants.absolute_urls import absolute


class CategoryOfGoods(Schema):
    """The category of goods."""

    name: str
    slug: str


class PictureOut(Schema):
    """A picture of goods."""

    url: str
    alt: str

    @staticmethod
    def resolve_url(picture: Picture) -> str:
        # Of the registered host: a request may name any port, and its response may be cached and shown to others.
        return absolute(picture.url)


class GoodsBase(Schema):
    id: int
    name: str
    slug: str
    description: str
    vendor: str
    category: CategoryOfGoods | None
    tags: list[str]
    option_names: list[str]
    is_published: bool
    created_at: datetime
    updated_at: datetime
    pictures: list[PictureOut]


class GoodsOut(GoodsBase):
    """A product of the shop."""

    price: AmountOut | None = Field(description="The lowest price of its SKUs; null without SKUs.")
    skus: list[SkuOfGoodsOut]

    @staticmethod
    def resolve_price(goods: Goods) -> AmountOut | None:
        return shop_amount(goods.lowest_price)

    @staticmethod
    def resolve_skus(goods: Goods) -> list[Sku]:
        return goods.sku_list

    @staticmethod
    def resolve_pictures(goods: Goods) -> list[Picture]:
        return goods.picture_list


class PictureIn(Input):
    """A picture elsewhere on the web."""

    url: str = Field(max_length=2000, pattern=r"^https?://[^\s\x00]+$")
    alt: Annotated[str, StringConstraints(max_length=512, pattern=NO_NUL)] = ""


class GoodsIn(Input):
    """A new product, with its SKUs."""

    name: Name
    slug: Slug
    description: Description = ""
    vendor: Text = ""
    category: Slug | None = Field(None, description="The slug of a category, or null.")
    tags: list[Name] = Field(default=[], max_length=250)
    option_names: list[Name] = Field(default=[], max_length=10)
    is_published: bool = True
    pictures: list[PictureIn] = Field(default=[], max_length=250)
    skus: list[SkuIn] = Field(default=[], max_length=2048)


GoodsPatch = patch_of(
    GoodsIn,
    "Changes of goods. A field that is left out stays as it is. SKUs have endpoints of their own.",
    without={"skus"},
    pictures="Replaces all pictures.",
)


class GoodsFilter(schemas.GoodsFilter):
    """Filters and order of goods."""

    search: str = Field("", max_length=200, description="Words in the name, description, vendor or a code.")
    category: str = Field("", max_length=255, pattern=r"^[-\w]*$", description="The slug of a category.")
    vendor: str = Field("", max_length=255, pattern=NO_NUL, description="The full name of the vendor.")
    tag: str = Field("", max_length=255, pattern=NO_NUL, description="A full tag.")
    in_stock: bool | None = Field(None, description="true: available now; false: sold out.")
    updated_since: Moment | None = Field(None, description="Changed at this time, given with its time zone, or later.")
    published: Literal["true", "false", "any"] = Field(
        "true", description="Unpublished goods are for staff only (`goods.view_goods`)."
    )
    ordering: Literal["-created_at", "created_at", "-updated_at", "updated_at", "name", "-name", "price", "-price"] = (
        Field("-created_at", description="The field to order by; with a hyphen, descending.")
    )
