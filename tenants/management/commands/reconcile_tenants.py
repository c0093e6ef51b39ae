"""`manage.py reconcile_tenants`: repairs what a crash has left."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Repairs rows, schemas, roles and files that do not match. Safe to run at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drop-orphans", action="store_true", help="Drop schemas and folders that belong to no tenant, for good."
        )

    def handle(self, *, drop_orphans: bool, **options: Any) -> None:
        found = 0
        for line in reconcile_tenants(drop_orphans=drop_orphans):
            self.stdout.write(line)
            found += 1
        if not found:
            self.success("No problems found.")
