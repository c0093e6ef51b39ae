"""`manage.py delete_tenant SLUG SLUG`: deletes a shop, so that it can be had back for a while."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.lifecycle import delete_tenant
from tenants.management.base import TenantCommand
from tenants.management.selection import selected_tenant


class Command(TenantCommand):
    help = "Deletes a shop: nobody finds it any more. undelete_tenant has it back, until purge_tenants takes its data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("again", nargs="?", metavar="SLUG", help="The same slug once more, to be sure.")
        parser.add_argument("--yes", action="store_true", help="Be sure without the second slug.")

    def handle(self, *, slug: str, again: str | None, yes: bool, **options: Any) -> None:
        tenant = selected_tenant(slug)
        if not yes and again != slug:
            raise CommandError(
                f"This closes {tenant.name!r} to everybody. To be sure, give the slug twice: "
                f"manage.py delete_tenant {slug} {slug} (or --yes)."
            )
        delete_tenant(slug)
        self.stdout.write(
            self.style.SUCCESS(f"{tenant.name} ({slug}) is deleted. To have it back: manage.py undelete_tenant {slug}")
        )
