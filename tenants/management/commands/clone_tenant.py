"""`manage.py clone_tenant SLUG NEW_SLUG`: copies a tenant to a new one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from tenants.conf import tenancy
from tenants.lifecycle import clone_tenant
from tenants.management.base import TenantCommand
from tenants.management.progress import progress_line


class Command(TenantCommand):
    help = (
        "Copies a tenant's rows and media files to a new tenant, without domains and sessions. The tenant stays open. "
        "On any error, nothing is created."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="The tenant to copy.")
        parser.add_argument("new_slug", metavar="NEW_SLUG", help="The slug of the copy.")
        parser.add_argument("--name", default="", help="The name of the copy (default: its slug).")
        parser.add_argument("--anonymize", action="store_true", help="Remove personal data: for test copies.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *, slug: str, new_slug: str, **options: Any) -> None:
        with progress_line(f"Cloning {slug}", self.stderr) as progress:
            clone = clone_tenant(
                slug, new_slug, name=options["name"], anonymize=options["anonymize"], progress=progress
            )
        url = tenancy().url_of(clone.host)
        if options["json"]:
            facts = {"slug": clone.slug, "name": clone.name, "schema": clone.schema, "url": url, "clone_of": slug}
            self.stdout.write(json.dumps(facts, ensure_ascii=False))
            return
        self.success(f"Created {clone.name}, a copy of {slug}: {url} (schema {clone.schema})")
