"""The way from a password to a session, and the cookie that forms are told apart by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
DEVICES = "django_otp.middleware.OTPMiddleware"
SECOND_FACTOR = "tenants.contrib.accounts.middleware.SecondFactorMiddleware"
SIGNED_COOKIE = "tenants.http.csrf.SignedCsrfCookieMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"


@register(Tags.security)
def check_second_factor(**_: Any) -> Iterable[CheckMessage]:
    """Find an order of middleware in which a session without the second factor is somebody's."""
    if apps.is_installed("django_otp") and not _in_order(AUTHENTICATION, DEVICES, SECOND_FACTOR):
        yield Error(
            "Users have second factors, and a session that has not shown one is theirs all the same.",
            hint=f"Have these in MIDDLEWARE, in this order: {AUTHENTICATION}, {DEVICES}, {SECOND_FACTOR}.",
            id="tenants.E026",
        )


@register(Tags.security)
def check_csrf_cookie(**_: Any) -> Iterable[CheckMessage]:
    """Find forms that are taken with another tenant's cookie."""
    if CSRF in settings.MIDDLEWARE and not _in_order(SIGNED_COOKIE, CSRF):
        yield CheckWarning(
            "A CSRF cookie that another tenant gave out, or that somebody planted, is taken for one's own.",
            hint=f"Put {SIGNED_COOKIE} into MIDDLEWARE, before {CSRF}.",
            id="tenants.W005",
        )


def _in_order(*names: str) -> bool:
    middleware = list(settings.MIDDLEWARE)
    return [name for name in middleware if name in names] == list(names)
