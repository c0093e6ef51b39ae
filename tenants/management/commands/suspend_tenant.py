"""`manage.py suspend_tenant SLUG`: suspends a tenant."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.http.maintenance_bypass import bypass_link
from tenants.lifecycle import suspend_tenant
from tenants.management.base import OneTenantCommand


class Command(OneTenantCommand):
    help = "Suspends a tenant: its hosts answer 503 until it is resumed. Prints a bypass link for its staff."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--notice", default="", help="The text on the page that visitors see.")

    def handle(self, *, slug: str, notice: str, **options: Any) -> None:
        tenant = suspend_tenant(slug, notice)
        self.success(f"{tenant.name} ({tenant.slug}) is {tenant.status}.")
        self.stdout.write(f"Bypass link for its staff: {bypass_link(tenant)}")
