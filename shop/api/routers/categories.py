"""Categories: everybody may read them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status

from shop.api.editing import found_or_404, save_clean
from shop.api.schemas.categories import CategoryIn, CategoryOut, CategoryPatch
from shop.goods.models import Category
from tenants.api.access import anyone, requires
from tenants.api.conditions import IfMatch, check_match, tagged

router = Router(tags=["categories"])


class CategoryList(Schema):
    """All categories, in the order of the shelves."""

    items: list[CategoryOut]
    count: int


@router.get("", response=CategoryList, auth=anyone())
def list_categories(request: HttpRequest) -> dict[str, Any]:
    """List all categories, in the order in which the shop shows them."""
    found = list(Category.objects.all())
    return {"items": found, "count": len(found)}


@router.get("/{category_id}", response=CategoryOut, auth=anyone())
def get_category(request: HttpRequest, response: HttpResponse, category_id: int) -> Any:
    """Get one category."""
    return tagged(request, response, _shown(_category(category_id)))


@router.post("", response={201: CategoryOut}, auth=requires("goods.add_category"))
def create_category(request: HttpRequest, response: HttpResponse, data: CategoryIn) -> Any:
    """Make a category."""
    category = Category()
    save_clean(category, data.model_dump())
    return Status(201, tagged(request, response, _shown(category)))


@router.patch("/{category_id}", response=CategoryOut, auth=requires("goods.change_category"))
def change_category(
    request: HttpRequest, response: HttpResponse, category_id: int, data: CategoryPatch, if_match: IfMatch = None
) -> Any:
    """Change a category."""
    with transaction.atomic():
        category = _category(category_id, lock=True)
        check_match(if_match, _shown(category))
        save_clean(category, data.model_dump(exclude_unset=True))
    return tagged(request, response, _shown(category))


@router.delete("/{category_id}", response={204: None}, auth=requires("goods.delete_category"))
def delete_category(request: HttpRequest, category_id: int, if_match: IfMatch = None) -> Any:
    """Take a category away; its goods stay, without one."""
    with transaction.atomic():
        category = _category(category_id, lock=True)
        check_match(if_match, _shown(category))
        category.delete()
    return Status(204, None)


def _category(category_id: int, *, lock: bool = False) -> Category:
    return found_or_404(Category.objects.all(), "category", category_id, lock=lock, pk=category_id)


def _shown(category: Category) -> CategoryOut:
    return CategoryOut.from_orm(category)
