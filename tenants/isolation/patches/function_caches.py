"""Patch of a function with an `lru_cache` that returns rows: its results differ between tenants."""

from __future__ import annotations

from functools import wraps
from typing import Any

from tenants.isolation.per_tenant_dict import PerTenantDict


def cache_per_tenant(original: Any) -> Any:
    """Return the function with a cache for each tenant; None where the installed version has no such function."""
    if original is None:
        return None
    results = PerTenantDict()
    function = original.__wrapped__

    @wraps(function)
    def cached(*args: Any) -> Any:
        key = repr(args)
        if key not in results:
            results[key] = function(*args)
        return results[key]

    cached.cache_clear = results.clear  # type: ignore[attr-defined]
    return cached
