"""`manage.py tenant_shell SLUG`: Django's shell in one tenant, which the prompt names."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import shell

from tenants.context import PLATFORM, use_tenant
from tenants.isolation.urlconfs import import_urlconfs
from tenants.management.base import TenantCommand
from tenants.management.selection import selected_tenant
from tenants.postgresql.connection_watch import leftovers_rolled_back


class Command(TenantCommand, shell.Command):
    help = f"{shell.Command.help} Runs in the tenant SLUG, which the prompt names, or in the control plane."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", nargs="?", default="", metavar="SLUG")
        parser.add_argument("--platform", action="store_true", help="In the control plane.")

    def handle(self, **options: Any) -> None:
        slug, platform = options.pop("slug"), options.pop("platform")
        if bool(slug) == platform:
            raise CommandError("tenant_shell failed: give either SLUG or --platform.")
        tenant = PLATFORM if platform else selected_tenant(slug)
        import_urlconfs()
        if sys.stdin.isatty() and not options["command"]:
            self.stderr.write(f"In {tenant} (schema {tenant.schema}). Ctrl-D leaves.", str)
        # Read by Python's own shell and by bpython.
        sys.ps1, sys.ps2 = f"{tenant.slug or 'platform'}>>> ", f"{'.' * len(tenant.slug or 'platform')}... "
        with use_tenant(tenant), leftovers_rolled_back("the shell"):
            super().handle(**options)
