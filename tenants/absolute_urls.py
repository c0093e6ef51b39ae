"""Absolute URLs of the active tenant, with its registered host and never with the request's Host header."""

from __future__ import annotations

from urllib.parse import urljoin

from django.urls import get_script_prefix

from tenants.conf import tenancy
from tenants.context import current_tenant


def origin() -> str:
    """Return scheme, host and port of the active tenant's primary host.

    For a tenant whose request came under the platform's path prefix, return the platform's.
    """
    tenant, config = current_tenant(), tenancy()
    mounted = get_script_prefix().rstrip("/")
    is_below_path = bool(config.path_prefix) and mounted.endswith(f"/{config.path_prefix}/{tenant.slug}")
    return config.origin if is_below_path or tenant.is_platform else config.url_of(tenant.host, "")


def absolute(address: str) -> str:
    """Return a URL with the origin of the active tenant; an absolute one stays as it is."""
    return urljoin(f"{origin()}/", address)


def primary_url(path: str) -> str:
    """Return the URL on the active tenant's primary host of a path that `reverse()` has returned."""
    tenant, config = current_tenant(), tenancy()
    path = "/" + path.removeprefix(get_script_prefix())  # of the current request; the primary host has no prefix
    return config.origin + path if tenant.is_platform else config.url_of(tenant.host, path)
