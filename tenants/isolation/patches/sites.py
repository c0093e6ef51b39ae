"""Patches of `django.contrib.sites`: its cache of sites has other contents for each tenant."""

from __future__ import annotations

from functools import wraps
from typing import Any

from tenants.isolation.per_tenant_dict import PerTenantDict

_sites = PerTenantDict()


def site_cache(original: Any) -> PerTenantDict:
    return _sites


def clear_site_cache(original: Any) -> Any:
    @wraps(original)
    def clear_cache(self: Any) -> None:
        _sites.clear()  # Django puts a dictionary for all tenants in its place

    return clear_cache
