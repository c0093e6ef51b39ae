"""`manage.py runserver`: Django's own, with a check for unapplied migrations of the control plane."""

from __future__ import annotations

from django.contrib.staticfiles.management.commands import runserver
from django.db import connection

from tenants.context import PLATFORM, use_tenant
from tenants.migrator.django_commands import ControlPlaneExecutor


class Command(runserver.Command):
    def check_migrations(self) -> None:
        with use_tenant(PLATFORM):
            executor = ControlPlaneExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                self.stdout.write(self.style.NOTICE("The control plane is not migrated. Run: manage.py migrate"))
