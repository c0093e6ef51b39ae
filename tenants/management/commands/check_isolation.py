"""`manage.py check_isolation`: probes of the isolation between tenants in this project."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from tenants.management.base import TenantCommand
from tenants.management.tables import table_text
from tenants.testing.isolation import check_isolation
from tenants.testing.probe import Result, Verdict


class Command(TenantCommand):
    help = (
        "Tests the isolation of this project's middleware, URLs, caches, sessions, storages and apps, with two tenants "
        "in a database that is created for it and dropped. Each probe has a control that must find something. "
        "Exit code 1 if anything leaks, or if a control finds nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print a JSON list of results.")

    def handle(self, **options: Any) -> None:
        results = list(check_isolation())
        if options["json"]:
            self.stdout.write(json.dumps([asdict(result) for result in results], indent=2))
        else:
            self._print_table(results)
        if bad := [result for result in results if result.is_bad]:
            raise CommandError(
                f"{len(bad)} of {len(results)} results failed: {', '.join(sorted({r.probe for r in bad}))}."
            )

    def _print_table(self, results: list[Result]) -> None:
        rows, shown = [], ""
        for result in results:
            rows.append(["" if result.probe == shown else result.probe, result.reader, result.verdict, result.detail])
            shown = result.probe
        self.stdout.write(table_text(["probe", "reader", "result", "detail"], rows))
        isolated = sum(result.verdict is Verdict.ISOLATED for result in results)
        self.stdout.write(f"{isolated} isolated. The control of each probe found what the reader did not.")
