"""`manage.py purge_tenants`: drops the data of deleted tenants after the grace period."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.errors import TenantNotFound
from tenants.lifecycle import Deletion, deletions_due, purge_tenant
from tenants.management.base import TenantCommand
from tenants.management.progress import progress_line


class Command(TenantCommand):
    help = (
        "Drops the data of deleted tenants whose grace period is over. Run it every day. With a SLUG: drops the data "
        "of that deleted tenant now."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", metavar="SLUG", help="A deleted tenant, also in its grace period.")
        parser.add_argument("--yes", action="store_true", help="Required with a SLUG: its data cannot be restored.")

    def handle(self, *, slug: str | None, yes: bool, **options: Any) -> None:
        if slug and not yes:
            raise CommandError(f"This drops all data and files of {slug!r} for good. To confirm, add --yes.")
        if slug:
            self._purge(slug, slug)
            return
        due = deletions_due()
        for deletion in due:
            try:
                self._purge(deletion, deletion.slug)
            except TenantNotFound:  # other purges may have taken hours
                self.stdout.write(f"{deletion.slug} was undeleted, or purged by another run.")
        if not due:
            self.stdout.write("No tenants to purge.")

    def _purge(self, ref: str | Deletion, slug: str) -> None:
        with progress_line(f"Purging {slug}", self.stderr) as progress:
            purge_tenant(ref, progress)
        self.success(f"{slug} is purged.")
