"""What every page of the storefront needs beside its own content."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from shop.goods.models import Category
from shop.orders.cart import Cart


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return the categories of the shop and how many pieces are in the cart: at most two queries."""
    return {"categories": list(Category.objects.all()), "cart_count": len(Cart(request.session))}
