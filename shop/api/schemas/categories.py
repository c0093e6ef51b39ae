"""Categories."""

from __future__ import annotations

from ninja import Schema

from shop.api.schemas.fields import Count, Input, Name, Slug, patch_of


class CategoryOut(Schema):
    """A category of products."""

    id: int
    name: str
    slug: str
    position: int


class CategoryIn(Input):
    """A new category."""

    name: Name
    slug: Slug
    position: Count = 0


CategoryPatch = patch_of(CategoryIn, "Changes of a category. A field that is left out stays as it is.")


class CategoryList(Schema):
    """All categories, in the order in which the shop shows them."""

    items: list[CategoryOut]
    count: int
