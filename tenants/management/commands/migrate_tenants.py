"""`manage.py migrate_tenants`: migrates the tenants' schemas, each in its own transaction."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError
from django.urls import reverse

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.management.arguments import seconds, whole_number
from tenants.management.base import TenantCommand
from tenants.management.progress import ProgressLine
from tenants.management.reporters import JsonLines, Lines, Reporter
from tenants.management.selection import add_selection, existing_slugs
from tenants.migrator.apply import Outcome
from tenants.migrator.cohorts import cohorts
from tenants.migrator.graph import Target, chosen_targets
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.models import SchemaState
from tenants.registry.tenant_info import all_tenants
from tenants.variants.discovery import known_variants
from tenants.variants.labels import variant_of

AGAIN = "manage.py migrate_tenants"

_FOR_RUN = ("jobs", "lock_timeout", "max_failures")
"""The options that go to `RunOptions` as they are."""


class Command(TenantCommand):
    help = (
        "Migrates the schemas of all tenants. A failed tenant is unchanged and does not stop the others. Run the "
        "command again to continue. Several machines can run it at once and share the work."
    )
    # System checks are slow, and `manage.py check` and the servers run them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("app_label", nargs="?", metavar="APP", help="Only this app (its label).")
        add("migration", nargs="?", metavar="MIGRATION", help="To this migration, forwards or back, or to 'zero'.")
        add_selection(parser)
        add("--variant", choices=sorted(known_variants()), metavar="NAME", help="Only tenants of this variant.")
        add("--retry", action="store_true", help="Only tenants whose last migration failed.")
        add("--plan", action="store_true", help="Show the plan without migrating.")
        add("--check", action="store_true", help="Migrate nothing; exit with 1 if a tenant is behind.")
        add("--jobs", type=whole_number(1, 1000), default=2, metavar="N", help="Worker threads (default: 2).")
        add(
            "--canary",
            type=whole_number(0),
            default=0,
            metavar="N",
            help="N first, the others only if none failed.",
        )
        add("--max-failures", type=whole_number(0), default=0, metavar="N", help="Stop after N failures; 0: never.")
        add("--lock-timeout", type=seconds, default=5.0, metavar="S", help="Wait for locked tables (%(default)s s).")
        add("--json", action="store_true", help="Print JSON lines.")
        add("--background", action="store_true", help="Let a worker do it, and print the page that shows its progress.")

    def handle(self, *, app_label: str | None, migration: str | None, **options: Any) -> None:
        targets = tuple(chosen_targets(app_label, migration)) if app_label else None
        self._chosen = _selection_arguments(app_label, migration, options)
        if app_label:
            self._narrow_to_variant(app_label, options)
        total, due = self._select(targets, options)
        if options["check"]:
            if options["retry"]:  # checking only the failed tenants could pass while others are behind
                total, due = self._select(targets, {**options, "retry": False})
            self._check(_behind(due, targets) if targets else due, total)
        elif options["plan"]:
            self._plan(due, targets)
        elif options["background"]:
            self._run_in_background(due, targets, options)
        else:
            self._migrate(due, total, targets, options)

    def _select(self, targets: tuple[Target, ...] | None, options: dict[str, Any]) -> tuple[int, list[TenantInfo]]:
        filters = self._filters(options)
        if targets:
            tenants = all_tenants(**filters)
            return len(tenants), tenants
        return find_behind(**filters)

    def _filters(self, options: dict[str, Any]) -> dict[str, object]:
        filters: dict[str, object] = {}
        if options["tenant"]:
            filters["slug__in"] = existing_slugs(options["tenant"])
        if options["variant"]:
            filters["variant"] = options["variant"]
        if options["retry"]:
            filters["state__outcome"] = SchemaState.Outcome.FAILED
        return filters

    def _narrow_to_variant(self, app_label: str, options: dict[str, Any]) -> None:
        """Select only tenants of the app's variant, because only their schemas have its tables."""
        variant = variant_of(app_label)
        if not variant:
            return
        named = all_tenants(slug__in=existing_slugs(options["tenant"])) if options["tenant"] else []
        wrong = [tenant.slug for tenant in named if tenant.variant != variant]
        if wrong or options["variant"] not in {None, variant}:
            who = ", ".join(map(repr, wrong)) or f"those of {options['variant']!r}"
            raise CommandError(
                f"{app_label!r} has tables only in tenants of the variant {variant!r}, and {who} have another. Leave "
                f"them out, or change their variant: manage.py set_variant SLUG {variant}"
            )
        options["variant"] = variant

    def _check(self, behind: list[TenantInfo], total: int) -> None:
        if behind:
            slugs = ", ".join(tenant.slug for tenant in behind[:20])
            raise CommandError(f"{len(behind)} of {total} tenants are behind: {slugs}. Run: {self._again()}")
        self.stdout.write(f"All {total} tenants are up to date.")

    def _plan(self, due: list[TenantInfo], targets: tuple[Target, ...] | None) -> None:
        for cohort in cohorts(due, targets):
            slugs = ", ".join(tenant.slug for tenant in cohort.tenants[:5])
            more = f" and {len(cohort.tenants) - 5} more" if len(cohort.tenants) > 5 else ""
            self.stdout.write(f"{len(cohort.tenants)} tenants ({slugs}{more}):")
            for migration in cohort.due or ("record only",):
                self.stdout.write(f"  {migration}")
        if not due:
            self.stdout.write("Nothing to do.")

    def _run_in_background(
        self, due: list[TenantInfo], targets: tuple[Target, ...] | None, options: dict[str, Any]
    ) -> None:
        if targets or options["canary"] or options["json"]:
            raise CommandError(
                "A worker migrates all apps to the latest migration. Leave out APP, --canary and --json."
            )
        chosen = {key: options[key] for key in _FOR_RUN if options[key] != getattr(RunOptions(), key)}
        if options["tenant"] or options["variant"] or options["retry"]:
            chosen["slugs"] = [tenant.slug for tenant in due]
        if not due:
            self.stdout.write("Nothing to do.")
            return
        # Imported here: it takes longer than a run with nothing to do.
        from tenants.tasks import start_operation
        from tenants.tasks.queue import has_worker

        operation = start_operation("migrate", **chosen)
        page = reverse("admin:tenants_operation_change", args=[operation.pk], urlconf=settings.ROOT_URLCONF)
        self.stdout.write(f"Queued for a worker. Progress: {tenancy().url_of(tenancy().base_domain, page)}")
        with use_tenant(PLATFORM):
            if not has_worker():
                self.stderr.write("No worker is running. Start one: manage.py run_worker")

    def _migrate(
        self, due: list[TenantInfo], total: int, targets: tuple[Target, ...] | None, options: dict[str, Any]
    ) -> None:
        reporter_class = JsonLines if options["json"] else ProgressLine if self.stderr.isatty() else Lines
        reporter = reporter_class(self.stdout, self.stderr)
        run_options = RunOptions(**{key: options[key] for key in _FOR_RUN}, targets=targets)
        canary = due[: options["canary"]]
        waves = [canary, due[len(canary) :]] if canary else [due]
        outcomes: list[Outcome] = []
        not_started: list[TenantInfo] = []
        with reporter.running(len(due)):
            for wave in waves:
                if not_started or any(outcome.failed for outcome in outcomes):
                    not_started += wave
                else:
                    not_started += self._run(Run(wave, run_options), reporter, outcomes)
        still_behind = self._others_behind(due, targets, options) if options["retry"] else None
        self._sum_up(reporter, outcomes, total - len(due), not_started, still_behind)

    def _others_behind(self, due: list[TenantInfo], targets: tuple[Target, ...] | None, options: dict[str, Any]) -> int:
        """Return the number of tenants that are behind but had not failed."""
        behind = self._select(targets, {**options, "retry": False})[1]
        if targets:
            behind = _behind(behind, targets)
        return len({tenant.id for tenant in behind} - {tenant.id for tenant in due})

    def _run(self, run: Run, reporter: Reporter, outcomes: list[Outcome]) -> list[TenantInfo]:
        """Do one wave, add to `outcomes`, and return the tenants that were not started."""
        try:
            for outcome in run:
                outcomes.append(outcome)
                reporter.report(outcome)
        except KeyboardInterrupt:
            run.stop()
            self.stderr.write("Stopping after the tenants in progress …")
            for outcome in run.rest():
                outcomes.append(outcome)
                reporter.report(outcome)
        except OperationalError as error:
            raise CommandError(
                f"The server stopped before all migrations were on disk: {error}. Run it again: {self._again()}"
            ) from error
        return run.not_started

    def _sum_up(
        self,
        reporter: Reporter,
        outcomes: list[Outcome],
        up_to_date: int,
        not_started: list[TenantInfo],
        still_behind: int | None,
    ) -> None:
        failed = [outcome.tenant.slug for outcome in outcomes if outcome.failed]
        locked = sum(outcome.locked for outcome in outcomes)
        were_current = sum(outcome.was_current for outcome in outcomes)
        migrated = len(outcomes) - len(failed) - locked - were_current
        up_to_date += were_current
        text = f"{migrated} migrated, {len(failed)} failed, {up_to_date} were up to date"
        text += f", {locked} locked by another run." if locked else "."
        if still_behind:
            text += f" {still_behind} others are behind. Run: {self._again()}"
        facts: dict[str, object] = {
            "migrated": migrated,
            "failed": len(failed),
            "locked": locked,
            "up_to_date": up_to_date,
            "not_started": len(not_started),
        }
        if still_behind is not None:
            facts["still_behind"] = still_behind
        reporter.summarize(text, facts)
        if failed:
            self._raise_failed(failed, not_started)
        if not_started:
            raise CommandError(f"Stopped with {len(not_started)} tenants left. To continue, run: {self._again()}")

    def _raise_failed(self, failed: list[str], not_started: list[TenantInfo]) -> None:
        shown = ", ".join(failed[:10]) + (" …" if len(failed) > 10 else "")
        # `--retry` does not include tenants that were not started.
        left = f" {len(not_started)} tenants were not started." if not_started else ""
        again = self._again() if not_started else f"{self._again()} --retry"
        raise CommandError(f"Failed: {shown}.{left} Fix the cause, then run: {again}")

    def _again(self) -> str:
        """Return the command that continues this one."""
        return " ".join([AGAIN, *self._chosen])


def _behind(tenants: list[TenantInfo], targets: tuple[Target, ...]) -> list[TenantInfo]:
    return [tenant for cohort in cohorts(tenants, targets) if cohort.due for tenant in cohort.tenants]


def _selection_arguments(app_label: str | None, migration: str | None, options: dict[str, Any]) -> list[str]:
    """Return the arguments that select tenants and targets."""
    tenants = [word for slug in options["tenant"] for word in ("--tenant", slug)]
    variant = ["--variant", options["variant"]] if options["variant"] else []
    return [*filter(None, (app_label, migration)), *tenants, *variant]
