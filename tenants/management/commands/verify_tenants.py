"""`manage.py verify_tenants`: compares the tenants' schemas with the code."""

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
        "Compares every tenant's schema in PostgreSQL with the one that the code expects. Exits with 1 if they differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)
        parser.add_argument("--json", action="store_true", help="Print a JSON list of findings.")

    def handle(self, *, tenant: list[str], **options: Any) -> None:
        chosen = all_tenants(slug__in=existing_slugs(tenant)) if tenant else all_tenants()
        findings = list(verify(chosen))
        if not tenant:
            findings += [
                Finding(schema=schema, slug="", what="no tenant owns this schema")
                for schema in schemas_without_tenant(chosen)
            ]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.slug or finding.schema}: {finding.what}")
        if findings:
            raise CommandError(
                f"{len(findings)} problems in {len(chosen)} schemas. `migrate_tenants` updates outdated schemas, "
                f"`reconcile_tenants` repairs records and roles. Inspect changed tables."
            )
        if not options["json"]:
            self.success(f"All {len(chosen)} schemas are correct.")
