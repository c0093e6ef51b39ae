"""URLconf of tenants whose views leave state in the process: pages, fragments, throttles, tags."""

from __future__ import annotations

from collections import Counter

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path, reverse
from django.utils import timezone, translation
from django.views.decorators.cache import cache_page
from django.views.decorators.http import condition
from ninja.throttling import AnonRateThrottle

from tenants import current_tenant

rendered: Counter[str] = Counter()
"""How often a page was really made, by tenant: less often than it was asked for, if it is cached."""

_throttle = AnonRateThrottle("2/d")


def whose(request: HttpRequest) -> HttpResponse:
    slug = current_tenant().slug
    rendered[slug] += 1
    return HttpResponse(slug)


def fragment(request: HttpRequest) -> HttpResponse:
    def lazily() -> str:
        rendered[current_tenant().slug] += 1
        return current_tenant().slug

    template = engines["django"].from_string("{% load cache %}{% cache 60 shelf %}{{ lazily }}{% endcache %}")
    return HttpResponse(template.render({"lazily": lazily}))


def throttled(request: HttpRequest) -> HttpResponse:
    return HttpResponse(current_tenant().slug, status=200 if _throttle.allow_request(request) else 429)


def place(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{translation.gettext('Yes')} {timezone.get_current_timezone_name()} {reverse('place')}")


urlpatterns = [
    path("whose/", whose),
    path("page/", cache_page(60)(whose)),
    path("fragment/", fragment),
    path("throttled/", throttled),
    path("place/", place, name="place"),
    path("tagged/", condition(etag_func=lambda request: f'"{current_tenant().schema}"')(whose)),
]
