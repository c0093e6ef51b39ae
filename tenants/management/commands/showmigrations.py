"""`manage.py showmigrations`: Django's own, for the tenant that is active, else for the control plane."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import showmigrations

from tenants.context import PLATFORM, active_tenant, use_tenant
from tenants.migrator.graph import disk_loader
from tenants.scopes import labels_for


class Command(showmigrations.Command):
    help = "Shows the control plane's migrations. A tenant's: manage.py run_in_tenant SLUG -- showmigrations."

    def handle(self, *args: Any, **options: Any) -> None:
        with use_tenant(active_tenant() or PLATFORM) as tenant:
            # The other side's apps are not here, and would stand there as never migrated.
            here = sorted(labels_for(tenant) & disk_loader().migrated_apps)
            super().handle(*args, **{**options, "app_label": options["app_label"] or here})
