"""`manage.py show_tenant_migrations`: tenant × app, how far each schema is."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser
from typing import Any

from rich.console import Console
from rich.table import Table

from tenants.management.base import TenantCommand
from tenants.management.selection import add_selection, existing_slugs
from tenants.migrator.status_table import status_table
from tenants.registry.tenant_info import all_tenants


class Command(TenantCommand):
    help = "Shows for each tenant and app the last applied migration and how many are missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)
        parser.add_argument("--behind", action="store_true", help="Only tenants that miss something.")
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
        table = Table("tenant", *apps, box=None, header_style="bold")
        for row in rows:
            table.add_row(row.slug, *(row.apps[app].text if app in row.apps else "" for app in apps))
        console = Console(file=io.StringIO(), width=None if self.stdout.isatty() else 400)
        with console.capture() as text:
            console.print(table)
        self.stdout.write(f"{text.get()}{len(rows)} tenants")
