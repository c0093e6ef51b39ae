"""Categories."""

from __future__ import annotations

from ninja import Field, Schema

from shop.api.schemas.fields import Count, Input, Name, Slug


class CategoryOut(Schema):
    """A shelf of the shop."""

    id: int
    name: str
    slug: str
    position: int


class CategoryIn(Input):
    """A category to be made."""

    name: Name
    slug: Slug
    position: Count = 0


class CategoryPatch(Input):
    """What shall be different in a category; what is left out stays."""

    name: Name = Field(None)
    slug: Slug = Field(None)
    position: Count = Field(None)
