"""Check of the middleware for two-factor authentication."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

MIDDLEWARE = (
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "tenants.contrib.accounts.middleware.SecondFactorMiddleware",
)


@register(Tags.security)
def check_second_factor(**_: Any) -> Iterable[CheckMessage]:
    if apps.is_installed("django_otp") and [name for name in settings.MIDDLEWARE if name in MIDDLEWARE] != list(
        MIDDLEWARE
    ):
        yield Error(
            "Users have second factors, but a session without one is accepted.",
            hint=f"Add these to MIDDLEWARE, in this order: {', '.join(MIDDLEWARE)}.",
            id="tenants.E026",
        )
