"""Cache keys of the active tenant: for `KEY_FUNCTION` in `CACHES`, and a prefix for other stores."""

from __future__ import annotations

from threading import Lock

from tenants.context import current_tenant

_MAX_GENERATIONS = 1024
_generations: dict[str, int] = {}
"""Generations of the caches that this process has cleared: a running request has an older `TenantInfo`.

The oldest are dropped: such requests have ended by then.
"""
_lock = Lock()  # lifecycle functions run on many threads


def cache_key(key: str, key_prefix: str, version: int) -> str:
    """Return the cache key of the active tenant; raise `NoActiveTenant` without one."""
    # Schema and generation have no dot. So no keys of two tenants are the same, nor those of one tenant before and
    # after its cache was cleared (`lifecycle.clear_tenant_cache`). Prefix, version and key are in Django's order, which
    # django-redis reads from its keys.
    return f"{tenant_prefix()}{key_prefix}:{version}:{key}"


def tenant_prefix(*_: object, **__: object) -> str:
    """Return the start of the active tenant's keys in any store; raise `NoActiveTenant` without one.

    For apps with a client of their own, such as `CACHEOPS_PREFIX`. They may pass arguments, which are ignored.
    """
    tenant = current_tenant()
    generation = max(tenant.cache_generation, _generations.get(tenant.schema, 0))
    return f"{tenant.schema}.{generation}."


def set_cache_generation(schema: str, generation: int) -> None:
    """Use this generation from now on, also where a `TenantInfo` has an older one."""
    with _lock:
        _generations.pop(schema, None)
        _generations[schema] = generation
        while len(_generations) > _MAX_GENERATIONS:
            del _generations[next(iter(_generations))]
