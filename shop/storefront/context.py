"""Context of every page of the storefront."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from shop.goods.models import Category
from shop.orders.cart import Cart


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return the categories and the number of items in the cart, in at most two queries."""
    return {"categories": list(Category.objects.all()), "cart_count": len(Cart(request.session))}
