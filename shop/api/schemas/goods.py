"""Goods and their pictures: what both versions have of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import StringConstraints

from shop.api.schemas.fields import NO_NUL, Description, Input, Moment, Name, Slug, Text
from shop.goods.models import Picture
from tenants.absolute_urls import absolute


class CategoryOfGoods(Schema):
    """The category that goods are in."""

    name: str
    slug: str


class PictureOut(Schema):
    """A picture of goods."""

    url: str
    alt: str

    @staticmethod
    def resolve_url(picture: Picture) -> str:
        # Of the registered host: a request may name any port, and what it gets may be kept and shown to others.
        return absolute(picture.url)


class PictureIn(Input):
    """A picture that is elsewhere on the web."""

    url: str = Field(max_length=2000, pattern=r"^https?://[^\s\x00]+$")
    alt: Annotated[str, StringConstraints(max_length=512, pattern=NO_NUL)] = ""


class GoodsFacts(Schema):
    """What is known of goods beside prices and skus."""

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


class GoodsFactsIn(Input):
    """Goods to be made, beside their skus."""

    name: Name
    slug: Slug
    description: Description = ""
    vendor: Text = ""
    category: Slug | None = Field(None, description="The slug of a category; null: none.")
    tags: list[Name] = Field(default=[], max_length=250)
    option_names: list[Name] = Field(default=[], max_length=10)
    is_published: bool = True
    pictures: list[PictureIn] = Field(default=[], max_length=250)


class GoodsPatch(Input):
    """What shall be different in goods; what is left out stays. Skus have addresses of their own."""

    name: Name = Field(None)
    slug: Slug = Field(None)
    description: Description = Field(None)
    vendor: Text = Field(None)
    category: Slug | None = Field(None, description="The slug of a category; null: none.")
    tags: list[Name] = Field(None, max_length=250)
    option_names: list[Name] = Field(None, max_length=10)
    is_published: bool = Field(None)
    pictures: list[PictureIn] = Field(None, max_length=250, description="In the place of all that there are.")


class GoodsFilter(Schema):
    """Which goods, and in which order."""

    search: str = Field("", max_length=200, description="Words that the name, description, vendor or a code has.")
    category: str = Field("", max_length=255, pattern=r"^[-\w]*$", description="The slug of a category.")
    vendor: str = Field("", max_length=255, pattern=NO_NUL, description="The vendor, in full.")
    tag: str = Field("", max_length=255, pattern=NO_NUL, description="A tag, in full.")
    in_stock: bool | None = Field(None, description="true: some may be ordered now; false: sold out.")
    updated_since: Moment | None = Field(None, description="Changed at that time or later, with its time zone.")
    published: Literal["true", "false", "any"] = Field(
        "true", description="What is not published only staff may see (`goods.view_goods`)."
    )
    ordering: Literal["-created_at", "created_at", "-updated_at", "updated_at", "name", "-name", "price", "-price"] = (
        Field("-created_at", description="A field to order by; with a hyphen, from the top down.")
    )
