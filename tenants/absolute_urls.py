"""Whole addresses of the active tenant: of its registered host, and never of the request's Host header."""

from __future__ import annotations

from urllib.parse import urljoin

from django.urls import get_script_prefix

from tenants.conf import tenancy
from tenants.context import current_tenant


def origin() -> str:
    """Return scheme, host and port of the active tenant, as they are registered, and not as the request's Host says.

    They are those of its primary host; of the platform for a tenant that is reached below a path of it.
    """
    tenant, config = current_tenant(), tenancy()
    mounted = get_script_prefix().rstrip("/")
    is_below_path = bool(config.path_prefix) and mounted.endswith(f"/{config.path_prefix}/{tenant.slug}")
    return config.origin if is_below_path or tenant.is_platform else config.url_of(tenant.host, "")


def absolute(address: str) -> str:
    """Return an address with the active tenant's registered origin before it; one that has its own stays as it is."""
    return urljoin(f"{origin()}/", address)
