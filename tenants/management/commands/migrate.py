"""`manage.py migrate`: Django's own, for the control plane only."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS

from tenants.context import PLATFORM, use_tenant
from tenants.isolation.app_placement import app_labels_for
from tenants.isolation.patches import Patch, install
from tenants.migrator.django_commands import ControlPlaneExecutor, TenantAutodetector
from tenants.migrator.release_order import note_release
from tenants.postgresql.extensions import create_extension_schema

PATCHES = (
    Patch(
        "django.core.management.commands.migrate:MigrationExecutor",
        "connection progress_callback",
        lambda original: ControlPlaneExecutor,
        "Django's command has no setting for the executor. This one is imported instead of it everywhere.",
    ),
)
install(PATCHES)


class Command(migrate.Command):
    help = "Migrates the control plane (schema public). For the tenants' schemas: manage.py migrate_tenants."
    autodetector = TenantAutodetector

    def handle(self, *args: Any, **options: Any) -> None:
        app = options["app_label"]
        if app and app not in apps.app_configs:
            raise CommandError(f"No installed app with label {app!r}.")
        if app and app not in app_labels_for(PLATFORM):
            raise CommandError(f"{app!r} has no tables in the control plane. Run: manage.py migrate_tenants {app}")
        if options["verbosity"]:
            self.stdout.write("Control plane (schema public); the tenants' schemas: manage.py migrate_tenants")
        with use_tenant(PLATFORM):
            if options["database"] == DEFAULT_DB_ALIAS and not (options["plan"] or options["check_unapplied"]):
                create_extension_schema()
            super().handle(*args, **options)
            if not app and not options["plan"] and not options["check_unapplied"]:
                note_release()
