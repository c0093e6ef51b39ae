"""A second Django site inside the shop: the price list, to be printed. An example of one with a URLconf of its own."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from shop.goods.models import Goods
from tenants import TenantInfo
from tenants.contrib.mounts.django_site import DjangoSite


@require_safe
def price_list(request: HttpRequest) -> HttpResponse:
    """Show everything that is for sale on one page, by category."""
    goods = Goods.objects.published().with_prices().order_by("category__position", "category__name", "name", "pk")
    return render(request, "mounts/price_list.html", {"goods": goods})


urlpatterns = [path("", price_list, name="price_list")]


def create_app(tenant: TenantInfo) -> DjangoSite:
    """Return the site; it is the same for every shop, and has the goods of the one that is active."""
    return DjangoSite(__name__)
