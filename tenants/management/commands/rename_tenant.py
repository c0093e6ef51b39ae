"""`manage.py rename_tenant SLUG NEW_SLUG`: another address for a shop, without DDL."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import rename_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Gives a shop another slug, and with it another address. The old one is free at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("new_slug", metavar="NEW_SLUG")

    def handle(self, *, slug: str, new_slug: str, **options: Any) -> None:
        tenant = rename_tenant(slug, new_slug)
        self.stdout.write(self.style.SUCCESS(f"{slug} is {new_slug} now: {tenancy().url_of(tenant.host)}"))
