"""The folder with the backups that operators make and restore: no other file is within their reach."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tenants.conf import tenancy
from tenants.models import Tenant

_SUFFIX = ".tar"


def backup_path(tenant: Tenant, asked_at: datetime) -> Path:
    """Return where the backup of a tenant goes that was asked for at that moment.

    Its schema is part of the name: a slug may have been another tenant's before.
    """
    return Path(tenancy().backup_dir) / f"{tenant.slug}-{tenant.schema}-{asked_at:%Y%m%d-%H%M%S}{_SUFFIX}"


def backup_files() -> list[Path]:
    """Return the backups that there are, by name, the youngest of each tenant first."""
    folder = tenancy().backup_dir
    found = Path(folder).glob(f"*{_SUFFIX}") if folder else []
    return sorted(found, reverse=True)
