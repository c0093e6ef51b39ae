"""The cart of this session: the same as in the storefront."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.middleware.csrf import get_token
from ninja import Router, Status

from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.cart import QuantityIn
from shop.api.schemas.fields import Id
from shop.goods.models import Sku
from shop.orders.cart import Cart, total_of
from tenants.contrib.api.auth import AllowAny
from tenants.variants import resolve


def make_router(schemas: VersionSchemas) -> Router:
    router = Router(tags=["cart"])

    @router.get("", response=schemas.cart, auth=AllowAny())
    def get_cart(request: HttpRequest) -> Any:
        """Get the cart at today's prices."""
        return _content(request)

    @router.put("/lines/{sku_id}", response=schemas.cart, auth=AllowAny())
    def put_into_cart(request: HttpRequest, sku_id: Id, data: QuantityIn) -> Any:
        """Set the quantity of a SKU."""
        if not resolve(Sku).objects.for_sale().filter(pk=sku_id).exists():
            raise Http404(f"No SKU for sale has the id {sku_id}.")
        Cart(request.session).set(sku_id, data.quantity)
        return _content(request)

    @router.delete("/lines/{sku_id}", response=schemas.cart, auth=AllowAny())
    def take_out_of_cart(request: HttpRequest, sku_id: Id) -> Any:
        """Remove a SKU, if it is in the cart."""
        Cart(request.session).set(sku_id, 0)
        return _content(request)

    @router.delete("", response={204: None}, auth=AllowAny())
    def clear_cart(request: HttpRequest) -> Any:
        """Empty the cart."""
        Cart(request.session).clear()
        return Status(204, None)

    return router


def _content(request: HttpRequest) -> dict[str, Any]:
    # A session that writes must send this token; its cookie comes with every response about the cart.
    get_token(request)
    lines = Cart(request.session).lines()
    return {"lines": lines, "total": total_of(lines)}
