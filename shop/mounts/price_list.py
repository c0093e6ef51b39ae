"""A printable price list: an example of a mounted Django site with its own URLconf."""

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
    goods = Goods.objects.published().with_prices().order_by("category__position", "category__name", "name", "pk")
    return render(request, "mounts/price_list.html", {"goods": goods})


urlpatterns = [path("", price_list, name="price_list")]


def create_app(tenant: TenantInfo) -> DjangoSite:
    """Return the site, which is the same for every shop and shows the goods of the active one."""
    return DjangoSite(__name__)
