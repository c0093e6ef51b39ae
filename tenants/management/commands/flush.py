"""`manage.py flush`: Django's own, for the tenant that is active, else for the control plane."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush

from tenants.context import PLATFORM, active_tenant, use_tenant


class Command(flush.Command):
    help = "Empties the control plane's tables. A tenant's: manage.py run_in_tenant SLUG --as-owner -- flush."

    def handle(self, *args: Any, **options: Any) -> None:
        with use_tenant(active_tenant() or PLATFORM):
            super().handle(*args, **options)
