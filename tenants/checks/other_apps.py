"""Checks of other people's apps that keep data of all tenants in one place. docs/apps.md lists what was tried."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.files.storage import FileSystemStorage, storages
from django.db.models import FileField
from django.utils.functional import LazyObject, empty
from django.utils.module_loading import import_string

from tenants.checks.process_state import TWO_TENANTS
from tenants.context import use_tenant
from tenants.isolation.app_placement import Placement, placement_of
from tenants.isolation.storage import TenantFileSystemStorage

_STORAGE_HINT = 'Use storages["default"], or a subclass of tenants.isolation.storage.TenantFileSystemStorage.'


@register(Tags.files)
def check_file_fields(**_: Any) -> Iterable[CheckMessage]:
    for model in apps.get_models():
        if placement_of(model._meta.app_label) in {Placement.SHARED, Placement.UNKNOWN}:
            continue
        for field in model._meta.local_fields:
            if isinstance(field, FileField) and is_shared_folder(field.storage):
                yield Error(
                    f"{field} keeps the files of all tenants in one folder.",
                    hint=_STORAGE_HINT,
                    obj=field,
                    id="tenants.E040",
                )


def is_shared_folder(storage: Any) -> bool:
    """Return whether a storage has one folder for all tenants."""
    if isinstance(storage, LazyObject):
        if storage._wrapped is empty:
            storage._setup()
        storage = storage._wrapped
    return isinstance(storage, FileSystemStorage) and not isinstance(storage, TenantFileSystemStorage)


@register(Tags.files)
def check_thumbnails(**_: Any) -> Iterable[CheckMessage]:
    if not apps.is_installed("easy_thumbnails"):
        return
    alias = getattr(settings, "THUMBNAIL_DEFAULT_STORAGE_ALIAS", "easy_thumbnails")
    if alias in settings.STORAGES and is_shared_folder(storages[alias]):
        yield Error(
            f"STORAGES[{alias!r}] keeps the thumbnails of all tenants in one folder: they get each other's pictures.",
            hint=_STORAGE_HINT,
            id="tenants.E040",
        )


@register(Tags.compatibility)
def check_channel_layers(**_: Any) -> Iterable[CheckMessage]:
    for alias, layer in getattr(settings, "CHANNEL_LAYERS", {}).items():
        if not _is_tenant_layer(str(layer.get("BACKEND", ""))):
            yield Error(
                f"CHANNEL_LAYERS[{alias!r}] has the same groups for all tenants: each receives the others' messages.",
                hint='Set BACKEND to "tenants.contrib.channels.layers.TenantChannelLayer", and the present one as '
                '"backend" in CONFIG.',
                id="tenants.E041",
            )


def _is_tenant_layer(backend: str) -> bool:
    try:
        return bool(getattr(import_string(backend), "keeps_tenants_apart", False))
    except ImportError:
        return False  # Channels itself reports a backend that cannot be imported


@register(Tags.caches)
def check_cacheops(**_: Any) -> Iterable[CheckMessage]:
    if not apps.is_installed("cacheops") or not getattr(settings, "CACHEOPS_ENABLED", True):
        return
    prefix = getattr(settings, "CACHEOPS_PREFIX", None)
    if isinstance(prefix, str):
        prefix = import_string(prefix)
    prefixes = set()
    for tenant in TWO_TENANTS:
        with use_tenant(tenant), suppress(AttributeError):  # a function of the project may read the query
            prefixes.add(prefix(None) if prefix else "")
    if len(prefixes) == 1:
        yield Error(
            "cacheops has the same keys for all tenants: a query returns another tenant's rows.",
            hint='Set CACHEOPS_PREFIX = "tenants.isolation.cache.tenant_prefix".',
            id="tenants.E042",
        )


@register(Tags.caches)
def check_constance(**_: Any) -> Iterable[CheckMessage]:
    if not apps.is_installed("constance"):
        return
    backend = getattr(settings, "CONSTANCE_BACKEND", "constance.backends.redisd.RedisBackend")
    if backend.startswith(("constance.backends.redisd.", "constance.backends.memory.")):
        yield Error(
            f"CONSTANCE_BACKEND {backend} has the same values for all tenants.",
            hint='Set CONSTANCE_BACKEND = "constance.backends.database.DatabaseBackend".',
            id="tenants.E043",
        )


@register(Tags.compatibility)
def check_stores(**_: Any) -> Iterable[CheckMessage]:
    uploads = getattr(settings, "IMPORT_EXPORT_TMP_STORAGE_CLASS", "import_export.tmp_storages.TempFolderStorage")
    if apps.is_installed("import_export") and str(uploads).endswith("TempFolderStorage"):
        yield CheckWarning(
            "import-export keeps the uploads of all tenants in one folder, until they are confirmed.",
            hint='Set IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.MediaStorage" or CacheStorage.',
            id="tenants.W010",
        )
    toolbar = getattr(settings, "DEBUG_TOOLBAR_CONFIG", {})
    store = toolbar.get("TOOLBAR_STORE_CLASS", "debug_toolbar.store.MemoryStore")
    if apps.is_installed("debug_toolbar") and str(store).endswith("MemoryStore"):
        yield CheckWarning(
            "The debug toolbar's history has the requests of all tenants.",
            hint='Set "TOOLBAR_STORE_CLASS": "debug_toolbar.store.DatabaseStore" in DEBUG_TOOLBAR_CONFIG.',
            id="tenants.W011",
        )
    if apps.is_installed("django_q") and "orm" not in getattr(settings, "Q_CLUSTER", {}):
        yield CheckWarning(
            "django-q2 has one queue for all tenants: the cluster of one tenant drops the tasks of the others.",
            hint='Set "orm": "default" in Q_CLUSTER. Run a cluster for each tenant: run_in_tenant SLUG -- qcluster.',
            id="tenants.W012",
        )
