"""`manage.py undelete_tenant SLUG`: restores a deleted tenant."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import undelete_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Restores a deleted tenant during its grace period."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = undelete_tenant(slug)
        self.stdout.write(self.style.SUCCESS(f"{tenant.name} ({tenant.slug}) is {tenant.status}."))
