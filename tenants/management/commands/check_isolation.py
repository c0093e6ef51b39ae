"""`manage.py check_isolation`: probes of the isolation between tenants in this project."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from rich import box
from rich.console import Console
from rich.table import Table

from tenants.management.base import TenantCommand
from tenants.testing.isolation import check_isolation
from tenants.testing.probe import Result, Verdict

_STYLES = {Verdict.ISOLATED: "green", Verdict.SKIPPED: "dim"}


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
            self._draw(results)
        if bad := [result for result in results if result.is_bad]:
            raise CommandError(
                f"{len(bad)} of {len(results)} results failed: {', '.join(sorted({r.probe for r in bad}))}."
            )

    def _draw(self, results: list[Result]) -> None:
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("probe", "reader", "result", "detail"):
            table.add_column(column)
        for number, result in enumerate(results):
            is_first = number == 0 or results[number - 1].probe != result.probe
            verdict = f"[{_STYLES.get(result.verdict, 'bold red')}]{result.verdict}[/]"
            table.add_row(result.probe if is_first else "", result.reader, verdict, result.detail)
        width = None if self.stdout.isatty() else 120
        Console(file=self.stdout, width=width, highlight=False).print(table)  # type: ignore[arg-type]
        isolated = sum(result.verdict is Verdict.ISOLATED for result in results)
        self.stdout.write(f"{isolated} isolated. The control of each probe found what the reader did not.")
