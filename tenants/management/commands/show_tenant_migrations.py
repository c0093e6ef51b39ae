"""`manage.py show_tenant_migrations`: shows the applied migrations by tenant and app."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from tenants.management.base import TenantCommand
from tenants.management.selection import add_selection, existing_slugs
from tenants.management.tables import table_text
from tenants.migrator.status_table import status_table
from tenants.registry.tenant_info import all_tenants


class Command(TenantCommand):
    help = "Shows the last applied migration of each tenant and app, and how many are missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)
        parser.add_argument("--behind", action="store_true", help="Only tenants with missing migrations.")
        parser.add_argument("--json", action="store_true", help="Print a JSON list.")

    def handle(self, *, tenant: list[str], behind: bool, **options: Any) -> None:
        chosen = all_tenants(slug__in=existing_slugs(tenant)) if tenant else all_tenants()
        rows = [row for row in status_table(chosen) if not behind or any(cell.missing for cell in row.apps.values())]
        if options["json"]:
            facts = [
                {
                    "slug": row.slug,
                    "apps": {app: {"last": cell.last, "missing": cell.missing} for app, cell in row.apps.items()},
                }
                for row in rows
            ]
            self.stdout.write(json.dumps(facts, indent=2))
            return
        apps = sorted({app for row in rows for app in row.apps})
        lines = [[row.slug, *(row.apps[app].text if app in row.apps else "" for app in apps)] for row in rows]
        self.stdout.write(f"{table_text(['tenant', *apps], lines)}{len(rows)} tenants")
