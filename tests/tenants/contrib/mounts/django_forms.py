"""The URLconf of a second Django site, with a form."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tenants import TenantInfo
from tenants.contrib.mounts.django_site import DjangoSite


def form(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return HttpResponse(f"got {request.POST['word']}")
    return HttpResponse(get_token(request))


@csrf_exempt
def exempt(request: HttpRequest) -> HttpResponse:
    return HttpResponse("exempt")


urlpatterns = [path("", form), path("exempt", exempt)]


def create_app(tenant: TenantInfo) -> DjangoSite:
    return DjangoSite(__name__)
