"""Folder of the backups that operators create and restore in the admin."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tenants.conf import tenancy
from tenants.models import Tenant

_SUFFIX = ".tar"


def backup_path(tenant: Tenant, requested_at: datetime) -> Path:
    """Return the path of a backup that was requested at that time.

    It contains the schema, because the slug may have belonged to another tenant before.
    """
    return Path(tenancy().backup_dir) / f"{tenant.slug}-{tenant.schema}-{requested_at:%Y%m%d-%H%M%S}{_SUFFIX}"


def backup_files() -> list[Path]:
    """Return all backups, sorted by name in descending order: for each tenant, the latest first."""
    folder = tenancy().backup_dir
    found = Path(folder).glob(f"*{_SUFFIX}") if folder else []
    return sorted(found, reverse=True)
