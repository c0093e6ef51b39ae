"""Check that a service behind the gateway has the middleware that requires the gateway's identity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from tenants.contrib.observability.conf import observability_settings

MIDDLEWARE = "tenants.contrib.services.middleware.GatewayIdentityMiddleware"


@register(Tags.security)
def check_gateway_middleware(**_: Any) -> Iterable[CheckMessage]:
    service = observability_settings().service
    if service not in {"all", "gateway"} and MIDDLEWARE not in settings.MIDDLEWARE:
        yield Error(
            f"The service {service!r} runs without {MIDDLEWARE} in MIDDLEWARE.",
            hint="Add it after TenantMiddleware: without it, requests can bypass the gateway.",
            id="tenants.E024",
        )
