"""`manage.py clear_tenant_cache SLUG`: empties one shop's cache, whatever kind of cache it is."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tenants.lifecycle import clear_tenant_cache
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = "Empties the cache of one shop, in every process and in every cache, and of nobody else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: Any) -> None:
        clear_tenant_cache(slug)
        self.stdout.write(self.style.SUCCESS(f"{slug} finds nothing in its cache any more."))
