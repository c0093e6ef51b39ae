"""`manage.py verify_tenants`: is what is on record of the schemas true?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from tenants.management.base import TenantCommand
from tenants.management.selection import add_selection, existing_slugs
from tenants.migrator.verify import Finding, schemas_without_tenant, verify
from tenants.registry.tenant_info import all_tenants


class Command(TenantCommand):
    help = (
        "Compares every tenant's schema, as PostgreSQL has it, with what the code expects. Exit code 1 if it differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)
        parser.add_argument("--json", action="store_true", help="Print a JSON list of findings.")

    def handle(self, *, tenant: list[str], **options: Any) -> None:
        chosen = all_tenants(slug__in=existing_slugs(tenant)) if tenant else all_tenants()
        findings = list(verify(chosen))
        if not tenant:
            findings += [
                Finding(schema=schema, slug="", what="the schema belongs to no tenant")
                for schema in schemas_without_tenant(chosen)
            ]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.slug or finding.schema}: {finding.what}")
        if findings:
            raise CommandError(
                f"{len(findings)} findings in {len(chosen)} schemas. `migrate_tenants` brings schemas that are behind "
                f"up to date, `reconcile_tenants` mends records and roles; a changed table wants a look."
            )
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(f"All {len(chosen)} schemas are as they should be."))
