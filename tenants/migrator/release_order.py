"""Order of releases: an old release never migrates a tenant that a newer one has migrated."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from tenants.context import PLATFORM, use_tenant
from tenants.errors import TenantAhead
from tenants.migrator.history import SchemaHistory
from tenants.models import Release, SchemaState
from tenants.models.code_release import Key, disk_loader, release


def note_release() -> None:
    """Record that this release has migrated the control plane; only its first time counts."""
    with use_tenant(PLATFORM):
        Release.objects.get_or_create(fingerprint=release())
        Release.objects.filter(fingerprint=release()).update(migrated_at=Coalesce(F("migrated_at"), Now()))


def newer_releases() -> list[str]:
    """Return the fingerprints of the releases that migrated the control plane after this one."""
    with use_tenant(PLATFORM):
        own = Release.objects.filter(fingerprint=release()).values("migrated_at")[:1]
        newer = Q(migrated_at__gt=own) & ~Q(fingerprint=release())
        return list(Release.objects.filter(newer).values_list("fingerprint", flat=True))


@cache
def _known() -> frozenset[Key]:
    on_disk = disk_loader().disk_migrations
    return frozenset(on_disk).union(key for migration in on_disk.values() for key in migration.replaces)


def missing_from_code(keys: Collection[Key]) -> list[Key]:
    """Return those migrations that the code neither has nor has squashed."""
    return [key for key in keys if key not in _known()]


def newer_migrations(history: SchemaHistory) -> list[Key]:
    """Return the applied migrations that a newer release has added, sorted.

    Migrations that an older release has recorded do not count: the code has squashed them or removed their app.
    """
    unknown = missing_from_code(history.applied)
    if not unknown:
        return []
    with use_tenant(PLATFORM):
        state = SchemaState.objects.filter(tenant_id=history.tenant.id).first()
    if state is None or state.fingerprint == history.fingerprint:
        return []
    return [] if _is_older(state.release) else sorted(unknown)


def _is_older(recorded_by: str) -> bool:
    if not recorded_by:  # recorded by code that did not write its release yet
        return True
    with use_tenant(PLATFORM):
        own = Release.objects.filter(fingerprint=release()).values("migrated_at")[:1]
        return Release.objects.filter(fingerprint=recorded_by, migrated_at__lt=own).exists()


def check_not_ahead(history: SchemaHistory) -> None:
    """Raise `TenantAhead` if a newer release has migrated the tenant."""
    if unknown := newer_migrations(history):
        raise TenantAhead(history.tenant.slug, [f"{app}.{name}" for app, name in unknown])
