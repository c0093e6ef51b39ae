"""The URLconfs: imported, and with them views and forms, while no tenant is active; and one for each variant.

A queryset in the body of a class is everybody's if it is made while nobody is active (`tenants.belonging`). Django
imports a URLconf when the first URL is looked up, which is in the middle of somebody's request.

The tenants' URLconf may have a function `urlpatterns_of(variant)`. Then each variant has the patterns that it returns,
made once, where the views themselves are other ones: an API whose schemas are the variant's, for example.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.urls import URLResolver, get_resolver

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.variants.discovery import DEFAULT, variants
from tenants.variants.overrides import load_variants


@dataclass(frozen=True, eq=False)
class VariantUrls:
    """A URLconf of a variant's own, as good as a module for Django."""

    name: str
    urlpatterns: list[Any]


def urlconf_of(variant: str) -> str | VariantUrls:
    """Return the URLconf of tenants of that variant."""
    return _urlconf_of(variant, tenancy().tenant_urlconf)


@cache
def _urlconf_of(variant: str, urlconf: str) -> str | VariantUrls:
    urlpatterns_of = getattr(import_module(urlconf), "urlpatterns_of", None)
    if variant == DEFAULT or urlpatterns_of is None:
        return urlconf
    return VariantUrls(f"{urlconf} of {variant}", urlpatterns_of(variant))


def urlconf_of_active() -> Any:
    """Return the URLconf of the active tenant, or the platform's, for `reverse()`."""
    tenant = current_tenant()
    return settings.ROOT_URLCONF if tenant.is_platform else urlconf_of(tenant.variant)


def import_urlconfs() -> None:
    """Import the platform's URLconf and the tenants', and what each variant has; raise `VariantBroken`."""
    Context().run(_import_all)  # in an empty context, whoever is active in this one


def _import_all() -> None:
    load_variants()
    for urlconf in (settings.ROOT_URLCONF, tenancy().tenant_urlconf):
        if urlconf:
            import_module(urlconf)
    if tenancy().tenant_urlconf:
        for variant in variants():
            urlconf_of(variant)


def views_of(urlconf: str) -> Iterator[tuple[str, Any]]:
    """Yield the address and the view of every pattern in a URLconf; parameters stand in it as they are written."""
    yield from _views_of(get_resolver(urlconf), "/")


def _views_of(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        address = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views_of(pattern, address)
        elif pattern.callback is not None:
            yield address, pattern.callback


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS"}:
        _urlconf_of.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.urlconfs")
