"""What is asked for in `bench.requests`: the shop's API, and a view that needs no query."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from shop.api import api_for


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing")


urlpatterns = [path("api/v1/", api_for("default", "v1").urls), path("nothing/", nothing)]
