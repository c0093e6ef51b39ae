"""`manage.py backup_tenant SLUG FILE`: one shop in one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from tenants.lifecycle import backup_tenant
from tenants.management.base import TenantCommand
from tenants.management.simple_progress import progress_bar


class Command(TenantCommand):
    help = (
        "Backs a shop up to one file: its rows as they are at one moment, its files, and a manifest with checksums. "
        "The shop stays open meanwhile. A file of that name is replaced when the new one is whole."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("file", metavar="FILE", type=Path, help="Where to, for example acme.tar.")

    def handle(self, *, slug: str, file: Path, **options: Any) -> None:
        with progress_bar(f"Backing up {slug}", self.stderr) as progress:
            path = backup_tenant(slug, file, progress=progress)
        self.stdout.write(self.style.SUCCESS(f"{slug} is in {path} ({path.stat().st_size:,} bytes)."))
        self.stdout.write("It holds personal data and password hashes: keep it where nobody else can read it.")
