"""`manage.py resume_tenant SLUG`: resumes a suspended tenant."""

from __future__ import annotations

from typing import Any

from tenants.lifecycle import resume_tenant
from tenants.management.base import OneTenantCommand


class Command(OneTenantCommand):
    help = "Resumes a suspended tenant."

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = resume_tenant(slug)
        self.success(f"{tenant.name} ({tenant.slug}) is {tenant.status}.")
