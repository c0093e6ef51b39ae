"""`manage.py clear_tokens`: takes expired tokens away."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.context import use_tenant
from tenants.contrib.oauth.cleanup import clear_expired
from tenants.management.base import TenantCommand
from tenants.management.selection import add_selection, existing_slugs
from tenants.registry.tenant_info import all_tenants


class Command(TenantCommand):
    help = "Takes expired codes and tokens out of the shops' tables; meant to be run every day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)

    def handle(self, *, tenant: list[str], **options: Any) -> None:
        chosen = {"slug__in": existing_slugs(tenant)} if tenant else {}
        gone = 0
        for each in all_tenants(status__in=["active", "suspended"], **chosen):
            with use_tenant(each):
                gone += clear_expired()
        self.stdout.write(self.style.SUCCESS(f"{gone} rows are gone."))
