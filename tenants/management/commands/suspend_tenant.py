"""`manage.py suspend_tenant SLUG`: closes a shop for a while."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.http.maintenance_bypass import bypass_link
from tenants.lifecycle import suspend_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Closes a shop: its addresses answer 503 until it is resumed. Prints a link that lets its staff in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--notice", default="", help="What visitors read in the meantime.")

    def handle(self, *, slug: str, notice: str, **options: Any) -> None:
        tenant = suspend_tenant(slug, notice)
        self.stdout.write(self.style.SUCCESS(f"{tenant.name} ({tenant.slug}) is {tenant.status}."))
        self.stdout.write(f"Its staff get in here: {bypass_link(tenant)}")
