"""`manage.py restore_tenant FILE`: a shop out of a backup."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import kept_slug, restore_tenant
from tenants.management.base import TenantCommand
from tenants.management.simple_progress import progress_bar


class Command(TenantCommand):
    help = (
        "Restores a shop from a backup, all or nothing: as a new shop, or in the place of one that is there, which is "
        "kept as a deleted one. Nobody is signed in. Restore only files that you have backed up yourself: a dump can "
        "hold any SQL."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--slug", metavar="NEW", help="As a new shop of this slug (default: the slug that it had).")
        how.add_argument("--over", metavar="SLUG", help="In the place of this shop, which is kept as a deleted one.")

    def handle(self, *, file: Path, slug: str | None, over: str | None, **options: Any) -> None:
        with progress_bar(f"Restoring {file.name}", self.stderr) as progress:
            tenant = restore_tenant(file, over or slug, over=bool(over), progress=progress)
        url = tenancy().url_of(tenant.host)
        self.stdout.write(self.style.SUCCESS(f"Restored {tenant.name}: {url} (schema {tenant.schema})"))
        if over:
            kept = kept_slug(over, tenant)
            self.stdout.write(
                f"What was there before is deleted, and kept as {kept} for {tenancy().grace_days} days. "
                f"To have it back: manage.py undelete_tenant {kept}"
            )
