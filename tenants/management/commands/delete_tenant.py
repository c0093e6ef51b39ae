"""`manage.py delete_tenant SLUG SLUG`: takes a shop away, with everything it has."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.errors import TenancyError
from tenants.lifecycle import delete_tenant
from tenants.management.selection import selected_tenant


class Command(BaseCommand):
    help = "Deletes a shop with its schema, role and files. It cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("again", nargs="?", metavar="SLUG", help="The same slug once more, to be sure.")
        parser.add_argument("--yes", action="store_true", help="Be sure without the second slug.")

    def handle(self, *, slug: str, again: str | None, yes: bool, **options: Any) -> None:
        tenant = selected_tenant(slug)
        if not yes and again != slug:
            raise CommandError(
                f"This drops schema {tenant.schema} of {tenant.name!r} with all its data and files, for good. "
                f"To be sure, give the slug twice: manage.py delete_tenant {slug} {slug} (or --yes)."
            )
        try:
            delete_tenant(slug)
        except TenancyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(self.style.SUCCESS(f"{tenant.name} ({slug}) is gone."))
