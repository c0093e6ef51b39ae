"""CORS for the origins that clients of the tenant have registered."""

from __future__ import annotations

import re
from typing import Any

from asgiref.sync import sync_to_async
from corsheaders.conf import conf
from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tenants.context import active_tenant
from tenants.contrib.oauth.models import Application


class TenantCorsMiddleware(CorsMiddleware):
    """Allows registered origins on paths that match `CORS_URLS_REGEX`, without cookies.

    A request with an Origin header costs a query. Place it after `LimitMiddleware`, which counts such requests.
    """

    def __call__(self, request: HttpRequest) -> Any:
        if not self.async_mode:
            self._note_origin(request)
        return super().__call__(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if "Origin" in request.headers:
            await sync_to_async(self._note_origin)(request)
        return await super().__acall__(request)

    def is_enabled(self, request: HttpRequest) -> bool:
        """Return whether the path allows CORS at all."""
        tenant = active_tenant()
        is_tenant = tenant is not None and not tenant.is_platform
        return is_tenant and re.match(conf.CORS_URLS_REGEX, request.path_info) is not None

    def check_signal(self, request: HttpRequest) -> bool:
        return bool(getattr(request, "_origin_is_registered", False))

    def _note_origin(self, request: HttpRequest) -> None:
        origin = request.headers.get("Origin")
        if origin and self.is_enabled(request):
            request._origin_is_registered = _is_registered(origin)  # type: ignore[attr-defined]


def _is_registered(origin: str) -> bool:
    if "\0" in origin or any(character.isspace() for character in origin):
        return False
    registered = Application.objects.filter(is_active=True, allowed_origins__contains=origin)
    return any(origin in origins.split() for origins in registered.values_list("allowed_origins", flat=True))
