"""`manage.py clear_tenant_cache SLUG`: clears one tenant's cache."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import clear_tenant_cache
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Clears the cache of one tenant in all processes, for every cache backend."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: Any) -> None:
        clear_tenant_cache(slug)
        self.stdout.write(self.style.SUCCESS(f"Cache of {slug} cleared."))
