"""Checks of what Django keeps for the whole process or outside it: caches, files, URLs of files, logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.conf import settings
from django.core.cache.backends.base import get_key_func
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.files.storage import FileSystemStorage
from django.utils.module_loading import import_string

from tenants.context import TenantInfo, use_tenant
from tenants.isolation.storage import TenantFileSystemStorage

TWO_TENANTS = tuple(TenantInfo(id=number, slug=f"check-{number}", schema=f"t_{number}") for number in (1, 11))


@register(Tags.caches)
def check_caches(**_: Any) -> Iterable[CheckMessage]:
    for alias, cache in settings.CACHES.items():
        backend = str(cache["BACKEND"])
        if backend.endswith("DatabaseCache"):
            yield Error(
                f"CACHES[{alias!r}] uses a database table, which no migration creates in a tenant's schema.",
                hint="Use another backend.",
                id="tenants.E013",
            )
        elif not backend.endswith("DummyCache") and _has_shared_keys(cache.get("KEY_FUNCTION")):
            yield Error(
                f"CACHES[{alias!r}] has the same keys for all tenants.",
                hint='Set "KEY_FUNCTION": "tenants.isolation.cache.cache_key".',
                id="tenants.E014",
            )


def _has_shared_keys(key_function: Any) -> bool:
    keys = set()
    for tenant in TWO_TENANTS:
        with use_tenant(tenant):
            keys.add(get_key_func(key_function)("key", "", 1))
    return len(keys) == 1


@register(Tags.files)
def check_storages(**_: Any) -> Iterable[CheckMessage]:
    for alias, storage in settings.STORAGES.items():
        backend = import_string(storage["BACKEND"])
        if alias == "staticfiles" or issubclass(backend, TenantFileSystemStorage):
            continue
        if issubclass(backend, FileSystemStorage):
            yield Error(
                f"STORAGES[{alias!r}] keeps the files of all tenants in one folder.",
                hint='Set its BACKEND to "tenants.isolation.storage.TenantFileSystemStorage" or a subclass.',
                id="tenants.E015",
            )
    for name in ("DEFAULT_FILE_STORAGE", "STATICFILES_STORAGE"):
        if hasattr(settings, name):
            yield Error(
                f"Django no longer reads the setting {name}.",
                hint="Set the storage in STORAGES instead.",
                id="tenants.E016",
            )


@register(Tags.compatibility)
def check_file_urls(**_: Any) -> Iterable[CheckMessage]:
    for name in ("STATIC_URL", "MEDIA_URL"):
        # Not `settings.STATIC_URL`: Django prefixes a relative one with the first request's script name, and keeps it.
        url = getattr(cast("Any", settings)._wrapped, name, None) or "/"
        if not str(url).startswith(("/", "http://", "https://")):
            yield Error(
                f"{name} is {url!r}: all tenants would get it with the path prefix of the first request.",
                hint=f"Begin it with a slash: {'/' + str(url)!r}.",
                id="tenants.E017",
            )


@register(Tags.compatibility)
def check_logs(**_: Any) -> Iterable[CheckMessage]:
    config: dict[str, Any] = settings.LOGGING or {}
    filters = config.get("filters", {}).values()
    if not any("TenantLogFilter" in str(each.get("()", "")) for each in filters):
        yield CheckWarning(
            "LOGGING has no filter that adds the tenant to log records.",
            hint="Add tenants.isolation.logging.TenantLogFilter to the handlers in LOGGING.",
            id="tenants.W003",
        )
