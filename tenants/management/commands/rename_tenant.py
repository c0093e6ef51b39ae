"""`manage.py rename_tenant SLUG NEW_SLUG`: changes a tenant's slug and subdomain."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import rename_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Changes a tenant's slug and subdomain. The old slug is free at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("new_slug", metavar="NEW_SLUG")

    def handle(self, *, slug: str, new_slug: str, **options: Any) -> None:
        tenant = rename_tenant(slug, new_slug)
        self.stdout.write(self.style.SUCCESS(f"Renamed {slug} to {new_slug}: {tenancy().url_of(tenant.host)}"))
