"""`manage.py import_goods SLUG FILE`: imports a product file of Shopify, WooCommerce or Cafe24."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import reset_queries
from rich.console import Console
from rich.progress import Progress

from shop.goods.errors import ImportRefused
from shop.goods.importer import ImportReport, import_goods
from tenants import TenantNotFound, use_tenant
from tenants.registry.lookup import tenant_by_slug


class Command(BaseCommand):
    help = (
        "Import a product file of Shopify, WooCommerce or Cafe24 (CSV or XLSX) in one transaction. Goods are "
        "identified by their handle and updated where they differ, including their stock. Nothing is deleted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="The slug of the shop.")
        parser.add_argument("file", metavar="FILE", help="The CSV or XLSX file; - for standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Report what would change, and change nothing.")
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")

    def handle(self, *, slug: str, file: str, dry_run: bool, **options: Any) -> None:
        as_json = options.get("json", False)
        try:
            tenant = tenant_by_slug(slug)
            with _opened(file) as source, _progress(file) as on_batch, use_tenant(tenant):
                report = import_goods(source, dry_run=dry_run, on_batch=on_batch)
        except TenantNotFound as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.") from error
        except ImportRefused as refused:
            warnings = "".join(f"\n{warning}" for warning in refused.warnings)
            raise CommandError(f"Import of {file} failed. Nothing was changed.\n{refused}{warnings}") from refused
        if as_json:
            self.stdout.write(json.dumps({"dry_run": dry_run, **report.as_json()}, ensure_ascii=False, indent=2))
        else:
            self._report(report, dry_run=dry_run)

    def _report(self, report: ImportReport, *, dry_run: bool) -> None:
        done, *notes = report.sentences()
        self.stdout.write(self.style.SUCCESS(done))
        for note in notes:
            self.stdout.write(note)
        if dry_run:
            self.stdout.write("Dry run: nothing was changed.")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as source:
        yield source


@contextmanager
def _progress(file: str) -> Iterator[Callable[[ImportReport], None]]:
    console = Console(stderr=True)
    path = Path(file)
    total = path.stat().st_size if path.is_file() else None
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Importing", total=total)

        def on_batch(report: ImportReport) -> None:
            progress.update(task, completed=report.bytes_read)
            # With DEBUG, Django keeps all queries until the end of a request, which a command does not have.
            reset_queries()

        yield on_batch
