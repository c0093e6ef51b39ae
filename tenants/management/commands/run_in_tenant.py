"""`manage.py run_in_tenant SLUG|--all|--platform -- COMMAND …`: runs any command with a tenant active."""

from __future__ import annotations

import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from django.core.management import ManagementUtility
from django.core.management.base import CommandError

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.isolation.urlconfs import import_urlconfs
from tenants.management.base import TenantCommand
from tenants.management.selection import selected_tenant
from tenants.postgresql.connection_watch import leftovers_rolled_back
from tenants.registry.tenant_info import all_tenants


class Command(TenantCommand):
    help = "Runs any management command in one tenant, in each tenant, or in the control plane."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="In every tenant, one after another.")
        parser.add_argument("--platform", action="store_true", help="In the control plane.")
        parser.add_argument(
            "--as-owner",
            action="store_true",
            help="With the rights of the owner of the tables, for commands that alter or truncate them.",
        )
        parser.add_argument("words", nargs=REMAINDER, metavar="SLUG -- COMMAND …")

    def handle(self, *, words: list[str], **options: Any) -> None:
        import_urlconfs()
        tenants, command = self._parse(words, every=options["all"], platform=options["platform"])
        failed = [str(tenant) for tenant in tenants if not self._run(tenant, command, as_owner=options["as_owner"])]
        if failed:
            raise CommandError(f"{command[0]} failed for: {', '.join(failed)}")

    def _parse(self, words: list[str], *, every: bool, platform: bool) -> tuple[list[TenantInfo], list[str]]:
        named = words[: words.index("--")] if "--" in words else words[:1]
        if len(named) + every + platform != 1:
            raise CommandError("Give one of SLUG, --all and --platform, then -- and the command.")
        command = words[len(named) :]
        command = command[1:] if command[:1] == ["--"] else command
        if not command:
            raise CommandError("Give a command, for example: manage.py run_in_tenant acme -- shell")
        if platform:
            return [PLATFORM], command
        return (all_tenants() if every else [selected_tenant(named[0])]), command

    def _run(self, tenant: TenantInfo, command: list[str], *, as_owner: bool) -> bool:
        """Run the command like `manage.py`, and return whether it succeeded."""
        self.stderr.write(f"== {tenant}")
        what = f"the command {command[0]}"
        with use_tenant(tenant.as_owner() if as_owner else tenant), leftovers_rolled_back(what):
            try:
                ManagementUtility([sys.argv[0], *command]).execute()
            except SystemExit as end:
                return not end.code
            except Exception as error:  # the other tenants still get the command
                self.stderr.write(self.style.ERROR(f"{tenant}: {type(error).__name__}: {error}"))
                return False
        return True
