"""What is kept once for the process or outside it: caches, files, addresses of files, logs."""

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

_TWO = tuple(TenantInfo(id=number, slug=f"check-{number}", schema=f"t_{number}") for number in (1, 11))
"""Two tenants that are nowhere else, to see whether they get different keys."""


@register(Tags.caches)
def check_caches(**_: Any) -> Iterable[CheckMessage]:
    """Find caches in which one tenant would find what another has put there."""
    for alias, cache in settings.CACHES.items():
        backend = str(cache["BACKEND"])
        if backend.endswith("DatabaseCache"):
            yield Error(
                f"CACHES[{alias!r}] is in the database, where its table has no place.",
                hint="Use another backend: no migration makes that table in a tenant's schema.",
                id="tenants.E013",
            )
        elif not backend.endswith("DummyCache") and _are_shared(cache.get("KEY_FUNCTION")):
            yield Error(
                f"CACHES[{alias!r}] has the same keys for all tenants.",
                hint='Set "KEY_FUNCTION": "tenants.isolation.cache.cache_key".',
                id="tenants.E014",
            )


def _are_shared(key_function: Any) -> bool:
    keys = set()
    for tenant in _TWO:
        with use_tenant(tenant):
            keys.add(get_key_func(key_function)("key", "", 1))
    return len(keys) == 1


@register(Tags.files)
def check_storages(**_: Any) -> Iterable[CheckMessage]:
    """Find storages that keep the files of all tenants in one folder."""
    for alias, storage in settings.STORAGES.items():
        backend = import_string(storage["BACKEND"])
        if alias == "staticfiles" or issubclass(backend, TenantFileSystemStorage):
            continue
        if issubclass(backend, FileSystemStorage):
            yield Error(
                f"STORAGES[{alias!r}] keeps the files of all tenants in one folder.",
                hint='Set its BACKEND to "tenants.isolation.storage.TenantFileSystemStorage", or to a subclass.',
                id="tenants.E015",
            )
    for name in ("DEFAULT_FILE_STORAGE", "STATICFILES_STORAGE"):
        if hasattr(settings, name):
            yield Error(
                f"The setting {name} is read by nobody any more.",
                hint="Name the storage in STORAGES: what you meant is not what is used.",
                id="tenants.E016",
            )


@register(Tags.compatibility)
def check_addresses_of_files(**_: Any) -> Iterable[CheckMessage]:
    """Find addresses that would begin, for the whole process, with the path of the tenant who came first."""
    for name in ("STATIC_URL", "MEDIA_URL"):
        # Past Django's own look, which puts the script prefix before it, and remembers that.
        address = getattr(cast("Any", settings)._wrapped, name, None) or "/"
        if not str(address).startswith(("/", "http://", "https://")):
            yield Error(
                f"{name} is {address!r}, and would begin with the path of whoever asks first.",
                hint=f"Begin it with a slash: {'/' + str(address)!r}.",
                id="tenants.E017",
            )


@register(Tags.compatibility)
def check_logs(**_: Any) -> Iterable[CheckMessage]:
    """Find logs that do not say whose their lines are."""
    config: dict[str, Any] = settings.LOGGING or {}
    filters = config.get("filters", {}).values()
    if not any("TenantLogFilter" in str(each.get("()", "")) for each in filters):
        yield CheckWarning(
            "No log says which tenant a line is about.",
            hint="Give the handlers in LOGGING the filter tenants.isolation.logging.TenantLogFilter.",
            id="tenants.W003",
        )
