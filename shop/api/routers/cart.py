"""The cart of this session: the one that the storefront shows."""

# Without `from __future__ import annotations`: ninja reads them, and some name classes that are made for a version.

from typing import Any

from django.http import Http404, HttpRequest
from django.middleware.csrf import get_token
from ninja import Router, Status

from shop.api.schema_factory import VersionSchemas
from shop.api.schemas.fields import Id, Input, Quantity
from shop.orders.cart import Cart, total_of
from tenants.contrib.api.auth import AllowAny
from tenants.variants import resolve


class QuantityIn(Input):
    """How many pieces shall be in the cart."""

    quantity: Quantity


def make_router(schemas: VersionSchemas) -> Router:
    """Return the router of a version that has these schemas."""
    router = Router(tags=["cart"])

    @router.get("", response=schemas.cart, auth=AllowAny())
    def get_cart(request: HttpRequest) -> Any:
        """Tell what is in the cart, as it costs today."""
        return _shown(request)

    @router.put("/lines/{sku_id}", response=schemas.cart, auth=AllowAny())
    def put_into_cart(request: HttpRequest, sku_id: Id, data: QuantityIn) -> Any:
        """Have so many pieces of a sku in the cart."""
        if not resolve("goods.models.Sku").objects.for_sale().filter(pk=sku_id).exists():
            raise Http404(f"There is no sku {sku_id} for sale.")
        Cart(request.session).set(sku_id, data.quantity)
        return _shown(request)

    @router.delete("/lines/{sku_id}", response=schemas.cart, auth=AllowAny())
    def take_out_of_cart(request: HttpRequest, sku_id: Id) -> Any:
        """Take a sku out of the cart, if it is in it."""
        Cart(request.session).set(sku_id, 0)
        return _shown(request)

    @router.delete("", response={204: None}, auth=AllowAny())
    def clear_cart(request: HttpRequest) -> Any:
        """Take everything out."""
        Cart(request.session).clear()
        return Status(204, None)

    return router


def _shown(request: HttpRequest) -> dict[str, Any]:
    # A session that writes has to send this token along; its cookie comes with every answer about the cart.
    get_token(request)
    lines = Cart(request.session).lines()
    return {"lines": lines, "total": total_of(lines)}
