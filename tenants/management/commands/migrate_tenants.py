"""`manage.py migrate_tenants`: the tenants' schemas, each in a transaction of its own."""

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
        "Migrates the schemas of all tenants. A tenant that fails is left as it was and stops no other; run it again "
        "to go on. Several machines may run it at once and share the work."
    )
    # Checks look at the models, which are the control plane's business; `manage.py check` and the servers run them.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("app_label", nargs="?", metavar="APP", help="Only this app (its label).")
        add("migration", nargs="?", metavar="MIGRATION", help="To this migration, forwards or back, or to 'zero'.")
        add_selection(parser)
        add("--variant", choices=sorted(known_variants()), metavar="NAME", help="Only tenants of this variant.")
        add("--retry", action="store_true", help="Only tenants whose last migration failed.")
        add("--plan", action="store_true", help="Show what would be done, and do nothing.")
        add("--check", action="store_true", help="Migrate nothing; exit code 1 if a tenant is behind.")
        add("--jobs", type=whole_number(1, 1000), default=2, metavar="N", help="Schemas at once (default: 2).")
        add("--canary", type=whole_number(0), default=0, metavar="N", help="N first, the rest only if all went well.")
        add("--max-failures", type=whole_number(0), default=0, metavar="N", help="Begin no more after N failures.")
        add(
            "--lock-timeout",
            type=seconds,
            default=5.0,
            metavar="SECONDS",
            help="How long to wait for a table in use before the tenant is put off (default: %(default)s).",
        )
        add("--json", action="store_true", help="Print JSON lines.")
        add("--background", action="store_true", help="Leave it to a worker, and print where to follow it.")

    def handle(self, *, app_label: str | None, migration: str | None, **options: Any) -> None:
        targets = tuple(chosen_targets(app_label, migration)) if app_label else None
        self._chosen = _words(app_label, migration, options)
        if app_label:
            self._narrow_to_variant(app_label, options)
        total, due = self._select(targets, options)
        if options["check"]:
            if options["retry"]:  # a check of those that failed would pass while others are behind
                total, due = self._select(targets, {**options, "retry": False})
            self._check(_not_there_yet(due, targets) if targets else due, total)
        elif options["plan"]:
            self._plan(due, targets)
        elif options["background"]:
            self._leave_to_worker(due, targets, options)
        else:
            self._migrate(due, total, targets, options)

    def _select(self, targets: tuple[Target, ...] | None, options: dict[str, Any]) -> tuple[int, list[TenantInfo]]:
        filters = self._filters(options)
        if targets:
            everybody = all_tenants(**filters)
            return len(everybody), everybody
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
        """An app of a variant has tables in the schemas of that variant's tenants, and is migrated there alone."""
        variant = variant_of(app_label)
        if not variant:
            return
        named = all_tenants(slug__in=existing_slugs(options["tenant"])) if options["tenant"] else []
        wrong = [tenant.slug for tenant in named if tenant.variant != variant]
        if wrong or options["variant"] not in {None, variant}:
            who = ", ".join(map(repr, wrong)) or f"those of {options['variant']!r}"
            raise CommandError(
                f"The tables of {app_label!r} are in the schemas of tenants of the variant {variant!r}, and {who} have "
                f"another. Leave these out; `manage.py set_variant SLUG {variant}` gives a tenant that variant."
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
            for migration in cohort.due or ("nothing but the record",):
                self.stdout.write(f"  {migration}")
        if not due:
            self.stdout.write("Nothing to do.")

    def _leave_to_worker(
        self, due: list[TenantInfo], targets: tuple[Target, ...] | None, options: dict[str, Any]
    ) -> None:
        if targets or options["canary"] or options["json"]:
            raise CommandError("A worker migrates to the newest of everything. Leave out APP, --canary and --json.")
        chosen = {key: options[key] for key in _FOR_RUN if options[key] != getattr(RunOptions(), key)}
        if options["tenant"] or options["variant"] or options["retry"]:
            chosen["slugs"] = [tenant.slug for tenant in due]
        if not due:
            self.stdout.write("Nothing to do.")
            return
        # Loaded here: all that workers can do takes longer to load than a run with nothing to do.
        from tenants.tasks import start_operation
        from tenants.tasks.queue import worker_is_there

        operation = start_operation("migrate", **chosen)
        page = reverse("admin:tenants_operation_change", args=[operation.pk], urlconf=settings.ROOT_URLCONF)
        self.stdout.write(f"Left to a worker. Follow it: {tenancy().url_of(tenancy().base_domain, page)}")
        with use_tenant(PLATFORM):
            if not worker_is_there():
                self.stderr.write("No worker is running. Start one: manage.py run_worker")

    def _migrate(
        self, due: list[TenantInfo], total: int, targets: tuple[Target, ...] | None, options: dict[str, Any]
    ) -> None:
        reporter = self._reporter(as_json=options["json"])
        run_options = RunOptions(**{key: options[key] for key in _FOR_RUN}, targets=targets)
        canary = due[: options["canary"]]
        waves = [canary, due[len(canary) :]] if canary else [due]
        outcomes: list[Outcome] = []
        not_begun: list[TenantInfo] = []
        with reporter.running(len(due)):
            for wave in waves:
                if not_begun or any(outcome.failed for outcome in outcomes):
                    not_begun += wave
                else:
                    not_begun += self._run(Run(wave, run_options), reporter, outcomes)
        still_behind = self._behind_beside(due, targets, options) if options["retry"] else None
        self._sum_up(reporter, outcomes, total - len(due), not_begun, still_behind)

    def _behind_beside(self, due: list[TenantInfo], targets: tuple[Target, ...] | None, options: dict[str, Any]) -> int:
        """Return how many tenants are behind that a run over those which had failed left out."""
        behind = self._select(targets, {**options, "retry": False})[1]
        if targets:
            behind = _not_there_yet(behind, targets)
        return len({tenant.id for tenant in behind} - {tenant.id for tenant in due})

    def _reporter(self, *, as_json: bool) -> Reporter:
        if as_json:
            return JsonLines(self.stdout, self.stderr)
        if not self.stderr.isatty():
            return Lines(self.stdout, self.stderr)
        from tenants.management.progress_bar import Bar  # brings rich along, which only a terminal has a use for

        return Bar(self.stdout, self.stderr)

    def _run(self, run: Run, reporter: Reporter, outcomes: list[Outcome]) -> list[TenantInfo]:
        """Do one wave, add to `outcomes`, and return the tenants that it did not get to."""
        try:
            for outcome in run:
                outcomes.append(outcome)
                reporter.tell(outcome)
        except KeyboardInterrupt:
            run.stop()
            self.stderr.write("Stopping after the tenants in hand …")
            for outcome in run.rest():
                outcomes.append(outcome)
                reporter.tell(outcome)
        except OperationalError as error:
            raise CommandError(
                f"The server went away before all of it was on disk ({error}). Those that are behind are still known. "
                f"Run: {self._again()}"
            ) from error
        return run.not_begun

    def _sum_up(
        self,
        reporter: Reporter,
        outcomes: list[Outcome],
        up_to_date: int,
        not_begun: list[TenantInfo],
        still_behind: int | None,
    ) -> None:
        failed = [outcome.tenant.slug for outcome in outcomes if outcome.failed]
        elsewhere = sum(outcome.locked for outcome in outcomes)
        were_there = sum(outcome.was_current for outcome in outcomes)
        migrated = len(outcomes) - len(failed) - elsewhere - were_there
        up_to_date += were_there
        text = f"{migrated} migrated, {len(failed)} failed, {up_to_date} were up to date"
        text += f", {elsewhere} in the hands of another run." if elsewhere else "."
        if still_behind:
            text += f" {still_behind} others are behind. Run: {self._again()}"
        facts: dict[str, object] = {
            "migrated": migrated,
            "failed": len(failed),
            "elsewhere": elsewhere,
            "up_to_date": up_to_date,
            "not_begun": len(not_begun),
        }
        if still_behind is not None:
            facts["still_behind"] = still_behind
        reporter.sum_up(text, facts)
        if failed:
            self._say_what_next(failed, not_begun)
        if not_begun:
            raise CommandError(f"Stopped with {len(not_begun)} tenants to go. To go on, run: {self._again()}")

    def _say_what_next(self, failed: list[str], not_begun: list[TenantInfo]) -> None:
        shown = ", ".join(failed[:10]) + (" …" if len(failed) > 10 else "")
        # `--retry` is for those that have failed; those that were not begun have not.
        left = f" {len(not_begun)} tenants were not begun." if not_begun else ""
        again = self._again() if not_begun else f"{self._again()} --retry"
        raise CommandError(f"Failed: {shown}.{left} Mend the cause, then run: {again}")

    def _again(self) -> str:
        """Return the command that takes up what is left of this one."""
        return " ".join([AGAIN, *self._chosen])


def _not_there_yet(tenants: list[TenantInfo], targets: tuple[Target, ...]) -> list[TenantInfo]:
    return [tenant for cohort in cohorts(tenants, targets) if cohort.due for tenant in cohort.tenants]


def _words(app_label: str | None, migration: str | None, options: dict[str, Any]) -> list[str]:
    """Return the words of the command line that say which tenants, and where to."""
    tenants = [word for slug in options["tenant"] for word in ("--tenant", slug)]
    variant = ["--variant", options["variant"]] if options["variant"] else []
    return [*filter(None, (app_label, migration)), *tenants, *variant]
