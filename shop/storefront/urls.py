"""URLs of the storefront."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from shop.storefront.views import cart, catalogue, checkout


class UnicodeSlugConverter(StringConverter):
    """A slug with letters of any script: `파란-셔츠`."""

    regex = r"[-\w]+"


register_converter(UnicodeSlugConverter, "unicode_slug")

app_name = "storefront"
urlpatterns = [
    path("", catalogue.goods_list, name="goods_list"),
    path("c/<unicode_slug:slug>/", catalogue.category, name="category"),
    path("goods/<unicode_slug:slug>/", catalogue.goods_detail, name="goods_detail"),
    path("cart/", cart.show, name="cart"),
    path("cart/add/", cart.add, name="add_to_cart"),
    path("cart/change/", cart.change, name="change_cart"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("orders/<str:number>/", checkout.order_placed, name="order_placed"),
]
