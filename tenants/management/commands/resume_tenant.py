"""`manage.py resume_tenant SLUG`: resumes a suspended tenant."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import resume_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Resumes a suspended tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = resume_tenant(slug)
        self.stdout.write(self.style.SUCCESS(f"{tenant.name} ({tenant.slug}) is {tenant.status}."))
