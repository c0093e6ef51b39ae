"""`manage.py backup_tenant SLUG FILE`: backs a tenant up to one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from tenants.lifecycle import backup_tenant
from tenants.management.base import OneTenantCommand
from tenants.management.progress import progress_line


class Command(OneTenantCommand):
    help = (
        "Backs a tenant up to one file: a snapshot of its rows, its media files, and a manifest with checksums. The "
        "tenant stays open. An existing file is replaced when the new one is complete."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", type=Path, help="For example acme.tar.")

    def handle(self, *, slug: str, file: Path, **options: Any) -> None:
        with progress_line(f"Backing up {slug}", self.stderr) as progress:
            path = backup_tenant(slug, file, progress=progress)
        self.success(f"Backed up {slug} to {path} ({path.stat().st_size:,} bytes).")
        self.stdout.write("The file contains personal data and password hashes. Store it securely.")
