"""`manage.py clear_tokens`: deletes expired tokens."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.context import use_tenant
from tenants.contrib.oauth.cleanup import clear_expired
from tenants.management.base import TenantCommand
from tenants.management.selection import add_selection, existing_slugs
from tenants.registry.tenant_info import all_tenants


class Command(TenantCommand):
    help = "Deletes expired codes, tokens and keys. Run it daily."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)

    def handle(self, *, tenant: list[str], **options: Any) -> None:
        chosen = {"slug__in": existing_slugs(tenant)} if tenant else {}
        deleted = 0
        for each in all_tenants(status__in=["active", "suspended"], **chosen):
            with use_tenant(each):
                deleted += clear_expired()
        self.success(f"Deleted {deleted} rows.")
