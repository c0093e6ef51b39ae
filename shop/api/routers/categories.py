"""Categories: public to read."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from shop.api.crud import Resource
from shop.api.operations import with_types
from shop.api.schemas.categories import CategoryIn, CategoryList, CategoryOut, CategoryPatch
from shop.goods.models import Category
from tenants.contrib.api.auth import AllowAny, HasPermissions
from tenants.contrib.api.etags import IfMatch

router = Router(tags=["categories"])
_CATEGORIES = Resource(model=Category, name="category", schema=CategoryOut)


@router.get("", response=CategoryList, auth=AllowAny())
def list_categories(request: HttpRequest) -> dict[str, Any]:
    """List all categories, in the order in which the shop shows them."""
    found = list(Category.objects.all())
    return {"items": found, "count": len(found)}


@router.get("/{category_id}", response=CategoryOut, auth=AllowAny())
def get_category(request: HttpRequest, response: HttpResponse, category_id: int) -> Any:
    """Get a category."""
    return _CATEGORIES.get(request, response, category_id)


@router.post("", response={201: CategoryOut}, auth=HasPermissions("goods.add_category"))
def create_category(request: HttpRequest, response: HttpResponse, data: CategoryIn) -> Any:
    """Create a category."""
    return _CATEGORIES.create(request, response, data)


@router.patch("/{category_id}", response=CategoryOut, auth=HasPermissions("goods.change_category"))
@with_types(data=CategoryPatch)
def change_category(
    request: HttpRequest, response: HttpResponse, category_id: int, data: CategoryIn, if_match: IfMatch = None
) -> Any:
    """Update a category."""
    return _CATEGORIES.change(request, response, category_id, data, if_match)


@router.delete("/{category_id}", response={204: None}, auth=HasPermissions("goods.delete_category"))
def delete_category(request: HttpRequest, category_id: int, if_match: IfMatch = None) -> Any:
    """Delete a category. Its goods stay, without a category."""
    return _CATEGORIES.delete(category_id, if_match)
