"""Probes of what all tenants share in memory or in a service: caches, files, content types, sites."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from tenants.context import TenantInfo, use_tenant
from tenants.testing.probe import NotApplicable, Probe, Stage, acting


def memory_probes() -> list[Probe]:
    return [
        *(Probe(name=f"cache {alias!r}", look=partial(_cache, alias)) for alias in settings.CACHES),
        *(Probe(name=f"storage {alias!r}", look=partial(_storage, alias)) for alias in _storages()),
        *(Probe(name=f"storage {alias!r}, by ../", look=partial(_traversal, alias)) for alias in _storages()),
        Probe(name="ids of content types in memory", look=_content_types),
        Probe(name="sites in memory", look=_sites),
    ]


def _storages() -> list[str]:
    return [alias for alias in settings.STORAGES if alias != "staticfiles"]


def _cache(alias: str, stage: Stage, reader: TenantInfo | None) -> str:
    cache = caches[alias]
    with use_tenant(stage.owner):
        cache.set(stage.secret, stage.secret, timeout=60)
        if cache.get(stage.secret) is None:
            raise NotApplicable("The cache stores nothing.")
    try:
        with acting(reader):
            return str(cache.get(stage.secret) or "")
    finally:
        with use_tenant(stage.owner):
            cache.delete(stage.secret)


def _storage(alias: str, stage: Stage, reader: TenantInfo | None, prefix: str = "") -> str:
    storage = storages[alias]
    with use_tenant(stage.owner):
        name = storage.save(f"{stage.secret}.txt", ContentFile(stage.secret.encode()))
    try:
        with acting(reader), suppress(FileNotFoundError), storage.open(prefix + name) as file:
            return str(file.read().decode())
        return ""
    finally:
        with use_tenant(stage.owner):
            storage.delete(name)


def _traversal(alias: str, stage: Stage, reader: TenantInfo | None) -> str:
    return _storage(alias, stage, reader, prefix=f"../{stage.owner.schema}/")


def _content_types(stage: Stage, reader: TenantInfo | None) -> str:
    # The same content type has another id in each tenant.
    model = f"{stage.secret}-type"
    for tenant, number in ((stage.other, 1_000_001), (stage.owner, 1_000_002)):
        with use_tenant(tenant):
            ContentType.objects.get_or_create(app_label="probe", model=model, defaults={"pk": number})
            own = ContentType.objects.get_by_natural_key("probe", model)
    with acting(reader):
        try:
            found = ContentType.objects.get_by_natural_key("probe", model)
        except ContentType.DoesNotExist:
            return ""
    return f"id {found.pk}" if found.pk == own.pk else ""


def _sites(stage: Stage, reader: TenantInfo | None) -> str:
    if not apps.is_installed("django.contrib.sites"):
        raise NotApplicable("django.contrib.sites is not installed.")
    from django.contrib.sites.models import Site

    number = getattr(settings, "SITE_ID", 1)
    with use_tenant(stage.owner):
        Site.objects.update_or_create(pk=number, defaults={"domain": stage.secret, "name": "probe"})
        with suppress(AttributeError):
            Site.objects.clear_cache()
        Site.objects._get_site_by_id(number)  # type: ignore[attr-defined]
    with acting(reader):
        try:
            domain = Site.objects._get_site_by_id(number).domain  # type: ignore[attr-defined]
        except Site.DoesNotExist:
            return ""
    return domain if domain == stage.secret else ""
