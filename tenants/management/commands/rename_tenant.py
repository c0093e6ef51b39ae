"""`manage.py rename_tenant SLUG NEW_SLUG`: changes a tenant's slug and subdomain."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import rename_tenant
from tenants.management.base import OneTenantCommand


class Command(OneTenantCommand):
    help = "Changes a tenant's slug and subdomain. The old slug is free at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("new_slug", metavar="NEW_SLUG")

    def handle(self, *, slug: str, new_slug: str, **options: Any) -> None:
        tenant = rename_tenant(slug, new_slug)
        self.success(f"Renamed {slug} to {new_slug}: {tenancy().url_of(tenant.host)}")
