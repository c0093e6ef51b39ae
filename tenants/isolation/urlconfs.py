"""URLconfs: those of variants, and the import of all of them while no tenant is active.

A queryset in the body of a class is for all tenants only if no tenant is active when its module is imported. Django
imports a URLconf, and with it views and forms, during the first request.

The tenants' URLconf may have a function `urlpatterns_of(variant)` that returns the patterns of a variant with other
views, for example an API with other schemas. It is called once for each variant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import URLResolver, get_resolver

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.settings_cache import cached_from
from tenants.variants.discovery import DEFAULT, variants
from tenants.variants.overrides import load_variants

_SETTINGS = ("TENANTS", "INSTALLED_APPS", "ROOT_URLCONF", "STATIC_URL", "MEDIA_URL")


@dataclass(frozen=True, eq=False)
class VariantUrls:
    """The URLconf of a variant; Django takes it like a module."""

    name: str
    urlpatterns: list[Any]


def urlconf_of(variant: str) -> str | VariantUrls:
    return _urlconf_of(variant, tenancy().tenant_urlconf)


@cached_from(*_SETTINGS)
def _urlconf_of(variant: str, urlconf: str) -> str | VariantUrls:
    urlpatterns_of = getattr(import_module(urlconf), "urlpatterns_of", None)
    if variant == DEFAULT or urlpatterns_of is None:
        return urlconf
    return VariantUrls(f"{urlconf} of {variant}", urlpatterns_of(variant))


def urlconf_of_active() -> Any:
    """Return the URLconf of the active tenant or platform, for `reverse()`."""
    tenant = current_tenant()
    return settings.ROOT_URLCONF if tenant.is_platform else urlconf_of(tenant.variant)


def import_urlconfs() -> None:
    """Import the URLconfs of the platform, of tenants and of all variants; raise `InvalidVariant`."""
    Context().run(_import_all)  # in an empty context: without a tenant


def _import_all() -> None:
    load_variants()
    for urlconf in (settings.ROOT_URLCONF, tenancy().tenant_urlconf):
        if urlconf:
            import_module(urlconf)
    if tenancy().tenant_urlconf:
        for variant in variants():
            urlconf_of(variant)


def views_of(urlconf: str) -> Iterator[tuple[str, Any]]:
    """Yield path and view of every pattern in a URLconf; paths have parameters as they are written."""
    yield from _views_of(get_resolver(urlconf), "/")


def _views_of(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views_of(pattern, route)
        elif pattern.callback is not None:
            yield route, pattern.callback


@cached_from(*_SETTINGS)
def project_segments() -> frozenset[str]:
    """Return the first segments of the project's own paths on tenants' hosts, with any variant."""
    urlconfs = [urlconf_of(variant) for variant in variants()] if tenancy().tenant_urlconf else []
    paths = [route for urlconf in urlconfs for route, _ in views_of(cast(str, urlconf))]
    paths += [urlsplit(url).path for url in (settings.STATIC_URL, settings.MEDIA_URL) if url]
    segments = {first_segment(path.lstrip("/^")) for path in paths} | {tenancy().path_prefix}
    # Without parameters and regular expressions.
    return frozenset(segment for segment in segments if re.fullmatch(r"[\w.~-]+", segment))


def first_segment(path: str) -> str:
    return path.partition("/")[0].removesuffix("$")  # of a regular expression
