"""Who a tenant is to OAuth: the address at which it answers."""

from __future__ import annotations

from typing import Any

from django.urls import get_script_prefix, reverse

from tenants.conf import tenancy
from tenants.context import TenantInfo, current_tenant


def issuer() -> str:
    """Return the active tenant's issuer, without a slash at its end: `http://acme.localhost:8000`.

    It is the origin of its primary host, whatever the request's Host header says; for a tenant that is reached below a
    path of the platform's host, the origin of the platform and that path.
    """
    mounted = get_script_prefix().rstrip("/")
    return _origin(mounted) + mounted


def url_of(name: str, **kwargs: Any) -> str:
    """Return the absolute address of a URL of the active tenant."""
    return _origin(get_script_prefix().rstrip("/")) + reverse(name, urlconf=tenancy().tenant_urlconf, kwargs=kwargs)


def _origin(mounted: str) -> str:
    tenant = current_tenant()
    return tenancy().origin if _is_under_path(tenant, mounted) else tenancy().url_of(tenant.host, "")


def _is_under_path(tenant: TenantInfo, mounted: str) -> bool:
    prefix = tenancy().path_prefix
    return bool(prefix) and mounted.endswith(f"/{prefix}/{tenant.slug}")
