"""`manage.py restore_tenant FILE`: restores a tenant from a backup."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import kept_slug, restore_tenant
from tenants.management.base import TenantCommand
from tenants.management.progress import progress_line


class Command(TenantCommand):
    help = (
        "Restores a tenant from a backup, as a new tenant or over an existing one, which is kept as a deleted tenant. "
        "On any error, nothing changes. No user is signed in. Restore only your own backups: the SQL of a dump is "
        "executed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--slug", metavar="NEW", help="The slug of the new tenant (default: its old slug).")
        how.add_argument("--over", metavar="SLUG", help="Replace this tenant, which is kept as a deleted tenant.")

    def handle(self, *, file: Path, slug: str | None, over: str | None, **options: Any) -> None:
        with progress_line(f"Restoring {file.name}", self.stderr) as progress:
            tenant = restore_tenant(file, over or slug, over=bool(over), progress=progress)
        url = tenancy().url_of(tenant.host)
        self.success(f"Restored {tenant.name}: {url} (schema {tenant.schema})")
        if over:
            kept = kept_slug(over, tenant)
            self.stdout.write(
                f"The replaced tenant is deleted, and kept as {kept} for {tenancy().grace_days} days. "
                f"To restore it: manage.py undelete_tenant {kept}"
            )
