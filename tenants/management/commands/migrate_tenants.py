"""`manage.py migrate_tenants`: the tenants' schemas, each in a transaction of its own."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.context import TenantInfo
from tenants.management.selection import add_selection, existing_slugs
from tenants.migrator.apply import Outcome
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.registry import all_tenants


class Command(BaseCommand):
    help = "Migrates the schemas of all tenants. A tenant that fails is left as it was and stops no other."
    # Checks look at one database and one context; `manage.py check` and the servers run them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app_label", nargs="?", metavar="APP", help="Only this app (its label).")
        parser.add_argument("migration", nargs="?", metavar="MIGRATION", help="To this migration, or 'zero'.")
        parser.add_argument("--check", action="store_true", help="Migrate nothing; exit 1 if a tenant is behind.")
        parser.add_argument("--jobs", type=int, default=2, help="Schemas at once (default: %(default)s).")
        parser.add_argument(
            "--lock-timeout",
            type=float,
            default=5.0,
            metavar="SECONDS",
            help="How long to wait for a table in use before the tenant is put off (default: %(default)s).",
        )
        add_selection(parser)

    def handle(self, *, app_label: str | None, migration: str | None, check: bool, **options: Any) -> None:
        filters = {"slug__in": slugs} if (slugs := existing_slugs(options["tenant"])) else {}
        total, due = find_behind(**filters)
        if check:
            self._report_behind(due, total)
            return
        targets = tuple(chosen_targets(app_label, migration)) if app_label else None
        if targets:
            due = all_tenants(**filters)
        if not due:
            self.stdout.write(f"All {total} tenants are up to date.")
            return
        run = Run(due, RunOptions(jobs=options["jobs"], lock_timeout=options["lock_timeout"], targets=targets))
        outcomes: list[Outcome] = []
        try:
            outcomes.extend(self._say(outcome) for outcome in run)
        except KeyboardInterrupt:
            run.stop()
            self.stderr.write("Stopping after the tenants in hand …")
            outcomes.extend(self._say(outcome) for outcome in run.rest())
        self._sum_up(outcomes, total, run.not_begun)

    def _report_behind(self, behind: list[TenantInfo], total: int) -> None:
        if behind:
            slugs = ", ".join(tenant.slug for tenant in behind[:20])
            raise CommandError(f"{len(behind)} of {total} tenants are behind: {slugs}. Run: manage.py migrate_tenants")
        self.stdout.write(f"All {total} tenants are up to date.")

    def _say(self, outcome: Outcome) -> Outcome:
        if outcome.failed:
            self.stderr.write(self.style.ERROR(f"{outcome.tenant.slug}: FAILED, left as it was. {outcome.error}"))
        elif outcome.elsewhere:
            self.stdout.write(f"{outcome.tenant.slug}: another run has it in hand")
        else:
            steps = f"{len(outcome.applied)} migrations" if outcome.applied else "nothing to do"
            self.stdout.write(f"{outcome.tenant.slug}: {steps} in {outcome.seconds:.2f} s")
        return outcome

    def _sum_up(self, outcomes: list[Outcome], total: int, not_begun: list[TenantInfo]) -> None:
        failed = [outcome for outcome in outcomes if outcome.failed]
        done = len(outcomes) - len(failed)
        untouched = total - len(outcomes) - len(not_begun)
        self.stdout.write(f"{done} migrated, {len(failed)} failed, {untouched} were up to date.")
        if not_begun:
            raise CommandError(f"Stopped with {len(not_begun)} tenants to go. To go on: manage.py migrate_tenants")
        if failed:
            slugs = " ".join(f"--tenant {outcome.tenant.slug}" for outcome in failed)
            raise CommandError(f"Mend the cause, then run: manage.py migrate_tenants {slugs}")
