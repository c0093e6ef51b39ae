"""`manage.py purge_tenants`: takes away for good what was deleted long enough ago."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.lifecycle import due_for_purge, purge_tenant
from tenants.management.base import TenantCommand
from tenants.management.progress import progress_bar


class Command(TenantCommand):
    help = (
        "Drops the data of deleted shops whose days of grace are over; meant to be run every day. "
        "With a SLUG: of that deleted shop, now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", metavar="SLUG", help="A deleted shop, whose grace is not waited for.")
        parser.add_argument("--yes", action="store_true", help="Needed with a SLUG: its data go for good.")

    def handle(self, *, slug: str | None, yes: bool, **options: Any) -> None:
        if slug and not yes:
            raise CommandError(f"This drops all data and files of {slug!r} for good. To be sure, add --yes.")
        slugs = [slug] if slug else due_for_purge()
        for due in slugs:
            with progress_bar(f"Purging {due}", self.stderr) as progress:
                purge_tenant(due, progress)
            self.stdout.write(self.style.SUCCESS(f"{due} is gone."))
        if not slugs:
            self.stdout.write("Nothing is due.")
