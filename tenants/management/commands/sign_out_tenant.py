"""`manage.py sign_out_tenant SLUG`: signs everybody out of a shop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import sign_out_tenant
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Signs everybody out of a shop: sessions, links that were sent by e-mail, and tokens are void at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = sign_out_tenant(slug)
        self.stdout.write(self.style.SUCCESS(f"Everybody is signed out of {tenant.name} ({tenant.slug})."))
