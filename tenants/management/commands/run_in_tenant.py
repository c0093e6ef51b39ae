"""`manage.py run_in_tenant SLUG|--all|--platform -- COMMAND …`: any command, as one tenant or as each of them."""

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
    help = "Runs any management command as one tenant, as each of them, or as the control plane."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="As every tenant, one after the other.")
        parser.add_argument("--platform", action="store_true", help="As the control plane.")
        parser.add_argument(
            "--as-owner",
            action="store_true",
            help="With the rights of the owner of the tables, for commands that change or empty them.",
        )
        parser.add_argument("words", nargs=REMAINDER, metavar="SLUG -- COMMAND …")

    def handle(self, *, words: list[str], **options: Any) -> None:
        import_urlconfs()
        tenants, command = self._parse(words, everybody=options["all"], platform=options["platform"])
        failed = [str(tenant) for tenant in tenants if not self._run(tenant, command, as_owner=options["as_owner"])]
        if failed:
            raise CommandError(f"{command[0]} failed for: {', '.join(failed)}")

    def _parse(self, words: list[str], *, everybody: bool, platform: bool) -> tuple[list[TenantInfo], list[str]]:
        named = words[: words.index("--")] if "--" in words else words[:1]
        if len(named) + everybody + platform != 1:
            raise CommandError("Say for whom, once: a SLUG, --all or --platform; then -- and the command.")
        command = words[len(named) :]
        command = command[1:] if command[:1] == ["--"] else command
        if not command:
            raise CommandError("Say which command to run, for example: manage.py run_in_tenant acme -- shell")
        if platform:
            return [PLATFORM], command
        return (all_tenants() if everybody else [selected_tenant(named[0])]), command

    def _run(self, tenant: TenantInfo, command: list[str], *, as_owner: bool) -> bool:
        """Run the command as `manage.py` would, and return whether it ended well."""
        self.stderr.write(f"== {tenant}")
        what = f"the command {command[0]}"
        with use_tenant(tenant.as_owner() if as_owner else tenant), leftovers_rolled_back(what):
            try:
                ManagementUtility([sys.argv[0], *command]).execute()
            except SystemExit as end:
                return not end.code
            except Exception as error:  # one tenant's trouble is not the next one's
                self.stderr.write(self.style.ERROR(f"{tenant}: {type(error).__name__}: {error}"))
                return False
        return True
