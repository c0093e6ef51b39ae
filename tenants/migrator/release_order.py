"""Which release of the code is newer, so that an old one never rewrites the record of migrations it does not know."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import TenantAhead
from tenants.migrator.graph import fingerprint
from tenants.models import Release, SchemaState
from tenants.models.code_release import Key, disk_loader, release


def note_release() -> None:
    """Note that the code that runs has migrated the control plane; the first time of each release counts."""
    with use_tenant(PLATFORM):
        Release.objects.get_or_create(fingerprint=release())
        Release.objects.filter(fingerprint=release()).update(migrated_at=Coalesce(F("migrated_at"), Now()))


def newer_releases() -> list[str]:
    """Return the fingerprints of the releases that have migrated the control plane after the code that runs."""
    with use_tenant(PLATFORM):
        own = Release.objects.filter(fingerprint=release()).values("migrated_at")[:1]
        newer = Q(migrated_at__gt=own) & ~Q(fingerprint=release())
        return list(Release.objects.filter(newer).values_list("fingerprint", flat=True))


@cache
def _known() -> frozenset[Key]:
    on_disk = disk_loader().disk_migrations
    return frozenset(on_disk).union(key for migration in on_disk.values() for key in migration.replaces)


def unknown_to_code(keys: Collection[Key]) -> list[Key]:
    """Return those migrations that the code neither has nor has squashed."""
    return [key for key in keys if key not in _known()]


def unknown_and_newer(tenant: TenantInfo, applied: Collection[Key]) -> list[Key]:
    """Return the applied migrations that a newer release has brought, sorted; none if they are merely history.

    History are those that an older release has recorded: the code has squashed them or removed their app since.
    """
    unknown = unknown_to_code(applied)
    if not unknown:
        return []
    with use_tenant(PLATFORM):
        state = SchemaState.objects.filter(tenant_id=tenant.id).first()
    if state is None or state.fingerprint == fingerprint(applied, tenant.variant):
        return []
    return [] if _is_older(state.release) else sorted(unknown)


def _is_older(recorded_by: str) -> bool:
    if not recorded_by:  # by code that did not write its release yet
        return True
    with use_tenant(PLATFORM):
        own = Release.objects.filter(fingerprint=release()).values("migrated_at")[:1]
        return Release.objects.filter(fingerprint=recorded_by, migrated_at__lt=own).exists()


def check_not_ahead(tenant: TenantInfo, applied: Collection[Key]) -> None:
    """Raise `TenantAhead` if a newer release has migrated the tenant."""
    if unknown := unknown_and_newer(tenant, applied):
        raise TenantAhead(tenant.slug, [f"{app}.{name}" for app, name in unknown])
