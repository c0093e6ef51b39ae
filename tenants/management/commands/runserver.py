"""`manage.py runserver`: Django's own, with the addresses of tenants, and a check of the control plane's migrations."""

from __future__ import annotations

from django.contrib.staticfiles.management.commands import runserver
from django.db import DatabaseError, connection

from tenants.conf import tenancy
from tenants.context import PLATFORM, use_tenant
from tenants.migrator.django_commands import ControlPlaneExecutor
from tenants.models import Tenant
from tenants.registry.tenant_info import annotated_tenants, info_of

_SHOWN = 5
"""Tenants whose addresses are printed."""


class Command(runserver.Command):
    def check_migrations(self) -> None:
        with use_tenant(PLATFORM):
            executor = ControlPlaneExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                self.stdout.write(self.style.NOTICE("The control plane is not migrated. Run: manage.py migrate"))

    def on_bind(self, server_port: int) -> None:
        super().on_bind(server_port)
        try:
            lines = _addresses(server_port)
        except DatabaseError:  # no tables yet, which check_migrations has said
            return
        self.stdout.write("\n".join(lines))


def _addresses(port: int) -> list[str]:
    """Return a line for the platform, one for each of the first tenants, and one for the number of the others."""
    with use_tenant(PLATFORM):
        active = annotated_tenants().filter(status=Tenant.Status.ACTIVE)
        hosts = [(tenant.slug, info_of(tenant).host) for tenant in active[:_SHOWN]]
        others = active.count() - len(hosts)
    named = [("the platform", tenancy().base_domain), *hosts]
    lines = [f"  http://{host}:{port}/  {name}" for name, host in named]
    if others > 0:
        lines.append(f"  and {others} more tenants: manage.py list_tenants")
    return lines if hosts else [*lines, "  No tenants yet: manage.py create_tenant SLUG"]
