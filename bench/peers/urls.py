"""What is asked for in `bench.requests`: a list of goods as JSON, and a view that needs no query."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from shop.goods.models import Goods


def goods(request: HttpRequest) -> JsonResponse:
    """Answer with the first twenty goods, their units and their pictures: four queries."""
    published = Goods.objects.published()
    page = published.with_prices().prefetch_related("skus", "pictures")[:20]
    items = [
        {
            "id": row.pk,
            "name": row.name,
            "description": row.description,
            "skus": [{"id": sku.pk, "price": sku.price, "stock": sku.stock} for sku in row.skus.all()],
            "pictures": [picture.pk for picture in row.pictures.all()],
        }
        for row in page
    ]
    return JsonResponse({"items": items, "count": published.count()})


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing")


urlpatterns = [path("goods/", goods), path("nothing/", nothing)]
