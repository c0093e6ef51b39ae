"""`manage.py list_tenants`: lists all tenants."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from tenants.conf import tenancy
from tenants.context import TenantInfo
from tenants.management.base import TenantCommand
from tenants.management.tables import table_text
from tenants.migrator.runner import tenants_behind
from tenants.registry.tenant_info import all_tenants

COLUMNS = ("slug", "name", "status", "url", "schema", "variant", "migrations")


class Command(TenantCommand):
    help = "Lists all tenants."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print a JSON list.")

    def handle(self, *, json: bool, **options: Any) -> None:  # the option's name
        rows = tenant_rows(all_tenants())
        if json:
            self._print_json(rows)
        else:
            self._print_table(rows)

    def _print_json(self, rows: list[dict[str, str]]) -> None:
        self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2))

    def _print_table(self, rows: list[dict[str, str]]) -> None:
        text = table_text(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
        self.stdout.write(f"{text}{len(rows)} tenants")


def tenant_rows(tenants: list[TenantInfo]) -> list[dict[str, str]]:
    """Return the columns of each tenant."""
    behind = {tenant.id for tenant in tenants_behind(tenants)}
    return [
        {
            "slug": tenant.slug,
            "name": tenant.name,
            "status": tenant.status,
            "url": tenancy().url_of(tenant.host),
            "schema": tenant.schema,
            "variant": tenant.variant,
            "migrations": "behind" if tenant.id in behind else "up to date",
        }
        for tenant in tenants
    ]
