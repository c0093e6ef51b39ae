"""`manage.py showmigrations`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import showmigrations

from tenants.context import PLATFORM, active_tenant
from tenants.isolation.app_placement import app_labels_for
from tenants.management.django_commands import OnOneSide, require_apps_here
from tenants.models.code_release import disk_loader


class Command(OnOneSide, showmigrations.Command):
    help = "Shows the control plane's migrations. For a tenant: manage.py run_in_tenant SLUG -- showmigrations."

    def handle(self, *args: Any, **options: Any) -> None:
        # Apps without tables here would be shown as unapplied.
        require_apps_here(options["app_label"], "showmigrations")
        here = sorted(app_labels_for(active_tenant() or PLATFORM) & disk_loader().migrated_apps)
        super().handle(*args, **{**options, "app_label": options["app_label"] or here})
