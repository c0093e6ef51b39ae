"""Cross-origin requests (CORS) of pages whose origin a client of the tenant has registered."""

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
    """Lets registered origins read the API and the token endpoint; below `CORS_URLS_REGEX` alone, without cookies.

    Only a request with an Origin header asks the database. Stands behind `LimitMiddleware`, so that such requests
    count as any other.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """Answer one request."""
        if not self.async_mode:
            self._note_origin(request)
        return super().__call__(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request on an event loop."""
        if "Origin" in request.headers:
            await sync_to_async(self._note_origin)(request)
        return await super().__acall__(request)

    def is_enabled(self, request: HttpRequest) -> bool:
        """Tell whether the path is one for other origins; who asks is another question."""
        tenant = active_tenant()
        is_tenant = tenant is not None and not tenant.is_platform
        return is_tenant and re.match(conf.CORS_URLS_REGEX, request.path_info) is not None

    def check_signal(self, request: HttpRequest) -> bool:
        """Tell whether the origin is registered."""
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
