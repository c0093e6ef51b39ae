"""`manage.py flush`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush

from tenants.context import active_tenant
from tenants.management.django_commands import OnOneSide
from tenants.postgresql.creation import DatabaseCreation


class Command(OnOneSide, flush.Command):
    help = "Empties the control plane's tables. For a tenant: manage.py run_in_tenant SLUG --as-owner -- flush."

    def execute(self, *args: Any, **options: Any) -> str | None:
        """In a test database with tenants, restore its rows instead: Django flushes it after some tests."""
        put_rows_back = DatabaseCreation.put_rows_back
        if put_rows_back is None or active_tenant() is not None:
            return super().execute(*args, **options)
        put_rows_back()
        return None
