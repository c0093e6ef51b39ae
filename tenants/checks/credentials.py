"""Checks of secret keys, sessions and cookies: what one tenant has issued must be invalid in another."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from tenants.conf import tenancy
from tenants.isolation.sessions import SessionStore
from tenants.isolation.signing import TenantSecretKey

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
SIGNED_CSRF_COOKIE = "tenants.http.csrf.SignedCsrfCookieMiddleware"
_SESSION_HINT = 'Set SESSION_ENGINE = "tenants.isolation.sessions".'


@register(Tags.security)
def check_secrets(**_: Any) -> Iterable[CheckMessage]:
    for name, secrets in (
        ("SECRET_KEY", [settings.SECRET_KEY]),
        ("SECRET_KEY_FALLBACKS", settings.SECRET_KEY_FALLBACKS),
    ):
        if not all(isinstance(secret, TenantSecretKey) for secret in secrets):
            yield Error(
                f"{name} is the same for all tenants: each accepts what another one has signed.",
                hint="Wrap it in TenantSecretKey(…), from tenants.isolation.signing.",
                id="tenants.E018",
            )


@register(Tags.security)
def check_sessions(**_: Any) -> Iterable[CheckMessage]:
    if not any(name.endswith("SessionMiddleware") for name in settings.MIDDLEWARE):
        return
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if store.__module__ == "django.contrib.sessions.backends.file":
        yield Error("The sessions of all tenants are files in one folder.", hint=_SESSION_HINT, id="tenants.E019")
    elif not issubclass(store, SessionStore):
        yield CheckWarning(
            f"{settings.SESSION_ENGINE} does not store tenant and epoch: sessions stay valid after sign_out_tenant.",
            hint=_SESSION_HINT,
            id="tenants.W004",
        )


@register(Tags.security)
def check_cookies(**_: Any) -> Iterable[CheckMessage]:
    for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN", "LANGUAGE_COOKIE_DOMAIN"):
        if getattr(settings, name, None):
            yield Error(
                f"{name} is set: browsers send the cookie to every tenant below that domain.",
                hint="Remove it: browsers send a cookie without a domain only to its own host.",
                id="tenants.E020",
            )


@register(Tags.security)
def check_cookie_names(**_: Any) -> Iterable[CheckMessage]:
    if not tenancy().origin.startswith("https://"):
        return
    for cookie, middleware in (("SESSION", "SessionMiddleware"), ("CSRF", "CsrfViewMiddleware")):
        name = getattr(settings, f"{cookie}_COOKIE_NAME")
        if not name.startswith("__Host-") and any(each.endswith(middleware) for each in settings.MIDDLEWARE):
            yield CheckWarning(
                f"A page of one tenant can set the cookie {name!r} of all others below the same domain.",
                hint=f'Set {cookie}_COOKIE_NAME = "__Host-{name}" and {cookie}_COOKIE_SECURE = True.',
                id="tenants.W014",
            )


@register(Tags.security)
def check_trusted_origins(**_: Any) -> Iterable[CheckMessage]:
    hosts = f".{tenancy().base_domain}"
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        _scheme, wildcard, domain = origin.partition("://*")
        if wildcard and hosts.endswith(domain.partition(":")[0]):
            yield CheckWarning(
                f"CSRF_TRUSTED_ORIGINS has {origin!r}: a page of any tenant can send forms to every other tenant.",
                hint="Name other origins one by one. A host needs no entry for its own forms.",
                id="tenants.W015",
            )


@register(Tags.security)
def check_csrf_cookie(**_: Any) -> Iterable[CheckMessage]:
    middleware = list(settings.MIDDLEWARE)
    if CSRF in middleware and SIGNED_CSRF_COOKIE not in middleware[: middleware.index(CSRF)]:
        yield CheckWarning(
            "CSRF cookies are not signed: a tenant accepts one that another tenant or an attacker has set.",
            hint=f"Add {SIGNED_CSRF_COOKIE} to MIDDLEWARE, before {CSRF}.",
            id="tenants.W005",
        )
