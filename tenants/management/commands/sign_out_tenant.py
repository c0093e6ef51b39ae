"""`manage.py sign_out_tenant SLUG`: signs all users of a tenant out."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import sign_out_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Signs all users of a tenant out: sessions, e-mailed links and tokens become invalid at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = sign_out_tenant(slug)
        self.stdout.write(self.style.SUCCESS(f"All users of {tenant.name} ({tenant.slug}) are signed out."))
