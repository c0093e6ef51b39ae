"""Patch of `django.contrib.contenttypes`: each schema has its own table of content types, with other ids."""

from __future__ import annotations

from typing import Any

from tenants.isolation.per_tenant_dict import PerTenantDict

_NAME = "_ids_per_tenant"


class ContentTypeCache:
    """The attribute `_cache` of the manager of content types, also in the historical models of migrations."""

    # The model has the cache and not the manager: relations ask a copy of the manager each time (`db_manager()`).

    def __get__(self, manager: Any, owner: type) -> Any:
        if manager is None:
            return self
        cache: PerTenantDict | None = getattr(manager.model, _NAME, None)
        if cache is None:
            cache = PerTenantDict()
            setattr(manager.model, _NAME, cache)
        return cache

    def __set__(self, manager: Any, value: object) -> None:
        """Ignore the empty dict that Django assigns at first."""


def content_type_cache(original: None) -> ContentTypeCache:
    return ContentTypeCache()
