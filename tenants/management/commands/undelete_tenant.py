"""`manage.py undelete_tenant SLUG`: restores a deleted tenant."""

from __future__ import annotations

from typing import Any

from tenants.lifecycle import undelete_tenant
from tenants.management.base import OneTenantCommand


class Command(OneTenantCommand):
    help = "Restores a deleted tenant during its grace period."

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = undelete_tenant(slug)
        self.success(f"{tenant.name} ({tenant.slug}) is {tenant.status}.")
