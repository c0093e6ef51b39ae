"""What is handed out to be shown again: keys, sessions, cookies."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from tenants.conf import tenancy
from tenants.isolation.sessions import SessionStore
from tenants.isolation.signing import TenantSecretKey

_TOKENS = [f"oauth.{name}" for name in ("Grant", "AccessToken", "RefreshToken", "SigningKey", "RevokedToken", "ApiKey")]


@register(Tags.security)
def check_secrets(**_: Any) -> Iterable[CheckMessage]:
    """Find secrets with which what one tenant signs is good for another."""
    for name, secrets in (
        ("SECRET_KEY", [settings.SECRET_KEY]),
        ("SECRET_KEY_FALLBACKS", settings.SECRET_KEY_FALLBACKS),
    ):
        if not all(isinstance(secret, TenantSecretKey) for secret in secrets):
            yield Error(
                f"{name} is the same for all tenants: what one has signed, another takes for its own.",
                hint="Wrap it: TenantSecretKey(…), from tenants.isolation.signing.",
                id="tenants.E018",
            )


@register(Tags.security)
def check_sessions(**_: Any) -> Iterable[CheckMessage]:
    """Find sessions that do not know whose they are."""
    if not any(name.endswith("SessionMiddleware") for name in settings.MIDDLEWARE):
        return
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if store.__module__ == "django.contrib.sessions.backends.file":
        yield Error(
            "The sessions of all tenants are files in one folder.",
            hint='Set SESSION_ENGINE = "tenants.isolation.sessions".',
            id="tenants.E019",
        )
    elif not issubclass(store, SessionStore):
        yield CheckWarning(
            f"Sessions of {settings.SESSION_ENGINE} know no tenant and no epoch: they outlive signing everybody out.",
            hint='Set SESSION_ENGINE = "tenants.isolation.sessions".',
            id="tenants.W004",
        )


@register(Tags.security)
def check_cookies(**_: Any) -> Iterable[CheckMessage]:
    """Find cookies that browsers would send to other tenants as well."""
    for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN", "LANGUAGE_COOKIE_DOMAIN"):
        if getattr(settings, name, None):
            yield Error(
                f"{name} is set: browsers send that cookie to every tenant below the domain.",
                hint="Take it out: a cookie without a domain is sent to its own host alone.",
                id="tenants.E020",
            )


@register(Tags.security)
def check_copies(**_: Any) -> Iterable[CheckMessage]:
    """Find tokens and keys that a clone or a restored tenant would have along."""
    if not apps.is_installed("tenants.contrib.oauth"):
        return
    left_out = {label.lower() for label in tenancy().clone_leaves_out}
    copied = [label for label in _TOKENS if label.lower() not in left_out]
    if copied:
        yield Error(
            f"A clone of a tenant would have its rows of {', '.join(copied)}: what was given out, or keys to it.",
            hint="Name them in TENANTS['CLONE_LEAVES_OUT'].",
            id="tenants.E025",
        )
