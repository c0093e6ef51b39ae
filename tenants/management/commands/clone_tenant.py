"""`manage.py clone_tenant SLUG NEW_SLUG`: a second shop, as the first one is now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import clone_tenant
from tenants.management.base import TenantCommand
from tenants.management.simple_progress import progress_bar


class Command(TenantCommand):
    help = (
        "Makes a copy of a shop, as it is now, under another slug: rows and files, but no domains and nobody signed "
        "in. The shop stays open meanwhile. All or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="The shop to copy.")
        parser.add_argument("new_slug", metavar="NEW_SLUG", help="The slug of the copy.")
        parser.add_argument("--name", default="", help="How the copy is called (default: its slug).")
        parser.add_argument(
            "--anonymise", action="store_true", help="Take personal data out: for copies that are tried things on."
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *, slug: str, new_slug: str, **options: Any) -> None:
        with progress_bar(f"Cloning {slug}", self.stderr) as progress:
            clone = clone_tenant(
                slug, new_slug, name=options["name"], anonymise=options["anonymise"], progress=progress
            )
        url = tenancy().url_of(clone.host)
        if options["json"]:
            facts = {"slug": clone.slug, "name": clone.name, "schema": clone.schema, "url": url, "clone_of": slug}
            self.stdout.write(json.dumps(facts, ensure_ascii=False))
            return
        self.stdout.write(self.style.SUCCESS(f"Opened {clone.name}, a copy of {slug}: {url} (schema {clone.schema})"))
