"""`manage.py report_api_usage`: requests to each version of the tenants' API by client."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from tenants.conf import tenancy
from tenants.contrib.api.usage import UsageRow, report
from tenants.management.arguments import whole_number
from tenants.management.base import TenantCommand
from tenants.management.selection import existing_slugs
from tenants.management.tables import table_text

_DAYS = 30


class Command(TenantCommand):
    help = "Lists the clients of each version of the tenants' API, those with the most requests first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        versions = tenancy().api_versions
        add("--api-version", dest="versions", action="append", choices=versions, help="Only this version; repeatable.")
        add("--tenant", metavar="SLUG", dest="slugs", action="append", help="Only this tenant; repeatable.")
        add("--days", type=whole_number(0, 36_500), default=_DAYS, help=f"Days to include (default {_DAYS}).")
        add("--json", action="store_true", help="Print a JSON list.")

    def handle(self, *, json: bool, **options: Any) -> None:  # the option's name
        since = (datetime.now(UTC) - timedelta(days=options["days"])).date()
        lines = report(since, options["versions"] or (), existing_slugs(options["slugs"] or ()))
        if json:
            self._print_json(lines)
        else:
            self._print_table(lines)

    def _print_json(self, lines: list[UsageRow]) -> None:
        rows = [{**line._asdict(), "last_at": line.last_at.isoformat()} for line in lines]
        self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2))

    def _print_table(self, lines: list[UsageRow]) -> None:
        rows = [(*line[:-1], f"{line.last_at:%Y-%m-%d %H:%M} UTC") for line in lines]
        self.stdout.write(table_text(["tenant", "version", "client", "requests", "last"], rows))
