"""A service that calls another one: `GET /` forwards to `other-service`, with the caller's identity and shop."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path

from tenants.contrib import services
from tenants.contrib.services.errors import ServiceFailed, ServiceNotFound


async def index(request: HttpRequest) -> JsonResponse:
    """Ask with `await`."""
    try:
        reply = await services.get("other-service").get("/stock/")
    except (ServiceFailed, ServiceNotFound) as error:
        return JsonResponse({"detail": str(error)}, status=getattr(error, "status", 404))
    return JsonResponse({"other-service": reply.json()}, status=reply.status)


def index_sync(request: HttpRequest) -> JsonResponse:
    """Ask the same without."""
    reply = services.get_sync("other-service").get("/stock/")
    return JsonResponse({"other-service": reply.json()}, status=reply.status)


urlpatterns = [path("", index), path("sync/", index_sync)]
