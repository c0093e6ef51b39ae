"""Who a tenant is to OAuth: the address at which it answers."""

from __future__ import annotations

from typing import Any

from django.urls import get_script_prefix, reverse

from tenants.absolute_urls import origin
from tenants.conf import tenancy


def issuer() -> str:
    """Return the active tenant's issuer, without a slash at its end: `http://acme.localhost:8000`.

    It is the origin of its primary host, whatever the request's Host header says; for a tenant that is reached below a
    path of the platform's host, the origin of the platform and that path.
    """
    return origin() + get_script_prefix().rstrip("/")


def url_of(name: str, **kwargs: Any) -> str:
    """Return the absolute address of a URL of the active tenant."""
    return origin() + reverse(name, urlconf=tenancy().tenant_urlconf, kwargs=kwargs)
