"""`manage.py clear_tenant_cache SLUG`: clears one tenant's cache."""

from __future__ import annotations

from typing import Any

from tenants.lifecycle import clear_tenant_cache
from tenants.management.base import OneTenantCommand


class Command(OneTenantCommand):
    help = "Clears the cache of one tenant in all processes, for every cache backend."

    def handle(self, *, slug: str, **options: Any) -> None:
        clear_tenant_cache(slug)
        self.success(f"Cache of {slug} cleared.")
