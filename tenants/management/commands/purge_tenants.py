"""`manage.py purge_tenants`: takes away for good what was deleted long enough ago."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.errors import TenantNotFound
from tenants.lifecycle import Deletion, deletions_due, purge_tenant
from tenants.management.base import TenantCommand
from tenants.management.simple_progress import progress_bar


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
        if slug:
            self._purge(slug, slug)
            return
        due = deletions_due()
        for deletion in due:
            try:
                self._purge(deletion, deletion.slug)
            except TenantNotFound:  # others are purged first, which may take hours
                self.stdout.write(f"{deletion.slug} was brought back, or purged by another run, in the meantime.")
        if not due:
            self.stdout.write("Nothing is due.")

    def _purge(self, which: str | Deletion, slug: str) -> None:
        with progress_bar(f"Purging {slug}", self.stderr) as progress:
            purge_tenant(which, progress)
        self.stdout.write(self.style.SUCCESS(f"{slug} is gone."))
