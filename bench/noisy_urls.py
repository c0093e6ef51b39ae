"""A shop of `bench.noisy`: its API, and a view that asks for too much."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from shop.api import api_for

ENDLESS = "SELECT count(*) FROM (SELECT generate_series(1, 10000000000)) AS endless"
"""Uses only the processor, for most of an hour; the sender has to cancel it."""


def report(request: HttpRequest) -> HttpResponse:
    """Ask PostgreSQL for what takes it an hour."""
    with connection.cursor() as cursor:
        cursor.execute(ENDLESS)
        return HttpResponse(str(cursor.fetchone()))


urlpatterns = [path("api/v1/", api_for("default", "v1").urls), path("report/", report)]
