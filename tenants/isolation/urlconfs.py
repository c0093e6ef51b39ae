"""The URLconfs: imported, and with them views and forms, while no tenant is active; and one for each variant.

A queryset in the body of a class is everybody's if it is made while nobody is active (`tenants.isolation.instances`).
Django imports a URLconf when the first URL is looked up, which is in the middle of somebody's request.

The tenants' URLconf may have a function `urlpatterns_of(variant)`. Then each variant has the patterns that it returns,
made once, where the views themselves are other ones: an API whose schemas are the variant's, for example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

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
    """Import the platform's URLconf and the tenants', and what each variant has; raise `InvalidVariant`."""
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


@cache
def taken_segments() -> frozenset[str]:
    """Return the first parts of all paths at which the project itself answers at tenants' hosts, with any variant."""
    urlconfs = [urlconf_of(variant) for variant in variants()] if tenancy().tenant_urlconf else []
    paths = [address for urlconf in urlconfs for address, _ in views_of(cast(str, urlconf))]
    paths += [urlsplit(address).path for address in (settings.STATIC_URL, settings.MEDIA_URL) if address]
    firsts = {first_of(path.lstrip("/^")) for path in paths} | {tenancy().path_prefix}
    # What is a parameter or an expression is no text that a path could have.
    return frozenset(first for first in firsts if re.fullmatch(r"[\w.~-]+", first))


def first_of(path: str) -> str:
    """Return the first part of a path that has no slash at its beginning."""
    return path.partition("/")[0].removesuffix("$")


def _reload(*, setting: str, **_: object) -> None:
    if setting in {"TENANTS", "INSTALLED_APPS", "ROOT_URLCONF", "STATIC_URL", "MEDIA_URL"}:
        _urlconf_of.cache_clear()
        taken_segments.cache_clear()


setting_changed.connect(_reload, dispatch_uid="tenants.isolation.urlconfs")
