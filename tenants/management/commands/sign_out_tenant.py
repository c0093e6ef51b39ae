"""`manage.py sign_out_tenant SLUG`: signs all users of a tenant out."""

from __future__ import annotations

from typing import Any

from tenants.lifecycle import sign_out_tenant
from tenants.management.base import OneTenantCommand


class Command(OneTenantCommand):
    help = "Signs all users of a tenant out: sessions, e-mailed links and tokens become invalid at once."

    def handle(self, *, slug: str, **options: Any) -> None:
        tenant = sign_out_tenant(slug)
        self.success(f"All users of {tenant.name} ({tenant.slug}) are signed out.")
