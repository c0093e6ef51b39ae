"""`manage.py delete_tenant SLUG SLUG`: deletes a tenant, which can be undeleted during the grace period."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.lifecycle import delete_tenant
from tenants.management.base import OneTenantCommand
from tenants.management.selection import selected_tenant


class Command(OneTenantCommand):
    help = "Deletes a tenant: its hosts answer 404. undelete_tenant restores it, until purge_tenants drops its data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("again", nargs="?", metavar="SLUG", help="The same slug again, to confirm.")
        parser.add_argument("--yes", action="store_true", help="Confirm without the second slug.")

    def handle(self, *, slug: str, again: str | None, yes: bool, **options: Any) -> None:
        tenant = selected_tenant(slug)
        if not yes and again != slug:
            raise CommandError(
                f"This deletes {tenant.name!r}. To confirm, give the slug twice: "
                f"manage.py delete_tenant {slug} {slug} (or --yes)."
            )
        delete_tenant(slug)
        self.success(f"{tenant.name} ({slug}) is deleted. To restore it: manage.py undelete_tenant {slug}")
