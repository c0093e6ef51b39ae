"""`manage.py migrate_tenants`: the tenants' schemas, each in a transaction of its own."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.context import TenantInfo
from tenants.management.selection import add_selection, selected_tenants
from tenants.migrator.apply import Outcome
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import migrate_all, tenants_behind


class Command(BaseCommand):
    help = "Migrates the schemas of all tenants. A tenant that fails is left as it was and stops no other."
    # Checks look at one database and one context; `manage.py check` and the servers run them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app_label", nargs="?", metavar="APP", help="Only this app (its label).")
        parser.add_argument("migration", nargs="?", metavar="MIGRATION", help="To this migration, or 'zero'.")
        parser.add_argument("--check", action="store_true", help="Migrate nothing; exit 1 if a tenant is behind.")
        add_selection(parser)

    def handle(self, *, app_label: str | None, migration: str | None, check: bool, **options: Any) -> None:
        tenants = selected_tenants(options["tenant"])
        targets = chosen_targets(app_label, migration) if app_label else None
        due = tenants if targets else tenants_behind(tenants)
        if check:
            self._report_behind(due, len(tenants))
            return
        if not due:
            self.stdout.write(f"All {len(tenants)} tenants are up to date.")
            return
        outcomes = [self._say(outcome) for outcome in migrate_all(due, targets)]
        self._sum_up(outcomes, len(tenants))

    def _report_behind(self, behind: list[TenantInfo], total: int) -> None:
        if behind:
            slugs = ", ".join(tenant.slug for tenant in behind[:20])
            raise CommandError(f"{len(behind)} of {total} tenants are behind: {slugs}. Run: manage.py migrate_tenants")
        self.stdout.write(f"All {total} tenants are up to date.")

    def _say(self, outcome: Outcome) -> Outcome:
        if outcome.failed:
            self.stderr.write(self.style.ERROR(f"{outcome.tenant.slug}: FAILED, left as it was. {outcome.error}"))
        else:
            steps = f"{len(outcome.applied)} migrations" if outcome.applied else "nothing to do"
            self.stdout.write(f"{outcome.tenant.slug}: {steps} in {outcome.seconds:.2f} s")
        return outcome

    def _sum_up(self, outcomes: list[Outcome], total: int) -> None:
        failed = [outcome for outcome in outcomes if outcome.failed]
        self.stdout.write(
            f"{len(outcomes) - len(failed)} migrated, {len(failed)} failed, {total - len(outcomes)} were up to date."
        )
        if failed:
            slugs = " ".join(f"--tenant {outcome.tenant.slug}" for outcome in failed)
            raise CommandError(f"Mend the cause, then run: manage.py migrate_tenants {slugs}")
