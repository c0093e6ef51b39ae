"""Issuer identifier of a tenant, and absolute URLs."""

from __future__ import annotations

from typing import Any

from django.urls import get_script_prefix, reverse

from tenants.absolute_urls import origin
from tenants.conf import tenancy


def issuer() -> str:
    """Return the active tenant's issuer, without a trailing slash: `http://acme.localhost:8000`.

    It is the origin of the primary host and not of the Host header. For a tenant under a path prefix, it is the origin
    of the platform and the prefix.
    """
    return origin() + get_script_prefix().rstrip("/")


def url_of(name: str, **kwargs: Any) -> str:
    """Return the absolute URL of a view of the active tenant."""
    return origin() + reverse(name, urlconf=tenancy().tenant_urlconf, kwargs=kwargs)
