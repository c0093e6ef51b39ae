"""`manage.py adopt_schemas`: makes the schemas of another library, or a whole project, tenants."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from tenants.conf import tenancy
from tenants.context import PLATFORM, use_tenant
from tenants.errors import AdoptionRefused, OperationFailed, TenantError
from tenants.lifecycle import TenantSpec
from tenants.lifecycle.adoption.addresses import Naming, Planned, plan_addresses
from tenants.lifecycle.adoption.adopt import adopt_schema, move_extensions, prepare_public
from tenants.lifecycle.adoption.files import DEFAULT_PATTERN, folder_of, link_findings
from tenants.lifecycle.adoption.findings import Finding, grouped
from tenants.lifecycle.adoption.single import adopt_project, adopted_project, plan_move
from tenants.lifecycle.adoption.sources import PUBLIC, Candidate, candidates_in_schemas, candidates_in_tables
from tenants.lifecycle.adoption.survey import PublicApps, Survey, survey
from tenants.lifecycle.create import validate_spec
from tenants.management.base import TenantCommand
from tenants.management.progress import progress_line
from tenants.postgresql.overload import OverloadReason, overload_reason

SOURCES = ("django-tenants", "django-pgschemas", "schemas")
_OPTIONS = ("language", "currency", "time_zone")
_OF_SCHEMAS = ("schemas", "slug", "copy", "start_empty", "tenants_table")
_OF_PROJECT = ("move", "leave")


class Command(TenantCommand):
    help = (
        "Makes existing schemas tenants, with their data, domains and files: those of django-tenants or "
        "django-pgschemas, or named ones. What cannot be adopted is listed before anything is changed. Each schema is "
        "one transaction; after an interruption, run the same command again. See docs/moving.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("schemas", nargs="*", metavar="SCHEMA", help="Only these; required with --from schemas.")
        origin = parser.add_mutually_exclusive_group(required=True)
        origin.add_argument("--from", dest="source", choices=SOURCES, help="The origin of the schemas.")
        origin.add_argument(
            "--single", metavar="SLUG", help="Make a project without tenants, in schema public, the first tenant."
        )
        parser.add_argument("--dry-run", action="store_true", help="Show what would be done, and change nothing.")
        parser.add_argument(
            "--slug-from",
            choices=("domain", "schema"),
            default="domain",
            help="The slug is the tenant's old subdomain of TENANTS['ORIGIN'] (default), or its schema's name.",
        )
        parser.add_argument("--tenants-table", default="", metavar="TABLE", help="The old table of tenants.")
        parser.add_argument(
            "--media",
            default=getattr(settings, "MULTITENANT_RELATIVE_MEDIA_ROOT", "") or DEFAULT_PATTERN,
            metavar="PATTERN",
            help="The old folder of a tenant's files below MEDIA_ROOT; %%s is the schema. Default: %(default)s.",
        )
        for option, metavar, text in (
            ("--slug", "SCHEMA=SLUG", "The slug of one schema."),
            ("--copy", "APP", "An app whose tables only schema public has: each tenant gets a copy."),
            ("--start-empty", "APP", "An app whose tables only schema public has: each tenant gets empty ones."),
            ("--move", "NAME", "With --single: what belongs to no app and moves to the tenant; can be a pattern."),
            ("--leave", "NAME", "With --single: what belongs to no app and stays in public; can be a pattern."),
        ):
            parser.add_argument(option, action="append", default=[], metavar=metavar, help=f"{text} Can be repeated.")
        defaults = TenantSpec(slug="")
        parser.add_argument("--language", default=defaults.language, help="Default: %(default)s.")
        parser.add_argument("--currency", default=defaults.currency, help="ISO 4217; default: %(default)s.")
        parser.add_argument("--time-zone", default=defaults.time_zone, help="Default: %(default)s.")

    def handle(self, **options: Any) -> None:
        defaults = TenantSpec(slug="", **{name: options[name] for name in _OPTIONS})
        validate_spec(defaults)
        _check_combination(options)
        if options["single"]:
            self._adopt_project(options["single"], defaults, options)
        else:
            self._adopt_schemas(defaults, options)

    def _adopt_schemas(self, defaults: TenantSpec, options: dict[str, Any]) -> None:
        naming = Naming(from_domain=options["slug_from"] == "domain", given=_given(options["slug"]))
        from_public = PublicApps.chosen(options["copy"], options["start_empty"])
        with use_tenant(PLATFORM):
            candidates = _candidates(options["source"], options["schemas"], options["tenants_table"])
        _check_slugs(naming, candidates)
        found = survey(candidates, naming, from_public)
        if found.done:
            self.stdout.write(f"{found.done} were adopted by earlier runs.")
        folders = [(planned.schema, folder_of(planned.schema, options["media"])) for planned in found.planned]
        self._report([*found.findings, *link_findings(folders)])
        if options["dry_run"]:
            for planned in found.planned:
                self.stdout.write(_line(planned, options["media"]))
            self.stdout.write(f"{len(found.planned)} schemas can be adopted. Nothing was changed.")
            return
        if found.planned:
            prepare_public(found)
            call_command("migrate", verbosity=0, interactive=False)
        self._adopt_each(found, defaults, options["media"])

    def _adopt_each(self, found: Survey, defaults: TenantSpec, media: str) -> None:
        failed = 0
        total = len(found.planned)
        with progress_line("Adopting", self.stderr) as progress:
            for number, planned in enumerate(found.planned, start=1):
                try:
                    adopt_schema(planned, found, defaults, folder_of(planned.schema, media))
                except (OperationFailed, TenantError) as error:
                    if overload_reason(error.__cause__ or error) is OverloadReason.AWAY:
                        raise
                    failed += 1
                    self.stderr.write(f"{planned.schema}: {error}")
                progress(number, total, f", {failed} failed" if failed else "")
        if failed:
            raise CommandError(
                f"{total - failed} of {total} schemas were adopted; {failed} failed and are unchanged. Stop the old "
                f"project, fix the causes above, then run the same command again."
            )
        self.success(f"{total} schemas were adopted. Next: manage.py migrate_tenants")

    def _adopt_project(self, slug: str, defaults: TenantSpec, options: dict[str, Any]) -> None:
        if done := adopted_project():
            call_command("migrate", verbosity=0, interactive=False)
            self.stdout.write(f"Schema public was adopted as {done} by an earlier run. The control plane is migrated.")
            return
        planned, findings = plan_addresses(Candidate(schema=PUBLIC), Naming(from_domain=False, given={PUBLIC: slug}))
        move = plan_move(options["move"], options["leave"])
        self._report([*findings, *move.findings, *link_findings([(PUBLIC, Path(settings.MEDIA_ROOT))])])
        if options["dry_run"]:
            for thing in move.things:
                self.stdout.write(f"{thing.kind} {thing.name} moves")
            self.stdout.write(f"{len(move.things)} objects would move to tenant {slug}. Nothing was changed.")
            return
        with use_tenant(PLATFORM), transaction.atomic():
            move_extensions(move.extensions)
        call_command("migrate", "tenants", verbosity=0, interactive=False)
        tenant = adopt_project(planned, move, defaults, Path(settings.MEDIA_ROOT))
        call_command("migrate", verbosity=0, interactive=False)
        self.success(
            f"{len(move.things)} objects were moved to tenant {slug} (schema {tenant.schema}). Create an operator: "
            f"manage.py createsuperuser. Next: manage.py migrate_tenants"
        )

    def _report(self, findings: Collection[Finding]) -> None:
        """Print what was found; raise `CommandError` if something stands in the way."""
        refusals = [finding for finding in findings if finding.blocks]
        for line in grouped(finding for finding in findings if not finding.blocks):
            self.stdout.write(f"Note: {line}")
        for line in grouped(refusals):
            self.stderr.write(f"Problem: {line}")
        if refusals:
            number = len({finding.schema for finding in refusals})
            raise CommandError(
                f"Adopting schemas failed, nothing was changed: {number} of them cannot be adopted as they are. Fix "
                f"the problems above, then run this again."
            )


def _check_combination(options: dict[str, Any]) -> None:
    """Raise `AdoptionRefused` for what the chosen origin would ignore."""
    origin, ignored = ("--single", _OF_SCHEMAS) if options["single"] else ("--from", _OF_PROJECT)
    for name in ignored:
        if options[name]:
            shown = f"--{name.replace('_', '-')}" if name != "schemas" else f"the schema {options[name][0]}"
            raise AdoptionRefused(f"{shown} cannot be given together with {origin}", f"Leave {shown} or {origin} out.")


def _check_slugs(naming: Naming, candidates: Collection[Candidate]) -> None:
    """Raise `AdoptionRefused` for a slug of a schema that is not among the candidates."""
    if unknown := set(naming.given) - {candidate.schema for candidate in candidates if candidate.schema != PUBLIC}:
        raise AdoptionRefused(
            f"--slug is given for {', '.join(sorted(unknown))}, which this run does not adopt",
            "Correct the schema's name, or leave that option out; --dry-run lists the schemas.",
        )


def _given(texts: Sequence[str]) -> dict[str, str]:
    given = {}
    for text in texts:
        schema, _, slug = text.rpartition("=")
        if not schema or not slug:
            raise CommandError(f"--slug {text} is not understood. Write SCHEMA=SLUG.")
        given[schema] = slug
    return given


def _candidates(source: str, schemas: Collection[str], tenants_table: str) -> list[Candidate]:
    if source == "schemas":
        if not schemas:
            raise CommandError("--from schemas needs the names of the schemas: adopt_schemas --from schemas acme beta")
        return candidates_in_schemas(dict.fromkeys(schemas))
    candidates = candidates_in_tables(tenants_table)
    if missing := set(schemas) - {candidate.schema for candidate in candidates}:
        names = ", ".join(sorted(missing))
        raise CommandError(f"The old table of tenants has no {names}. Adopt them by --from schemas.")
    return [each for each in candidates if not schemas or each.schema in {*schemas, PUBLIC}]


def _line(planned: Planned, media: str) -> str:
    domains = "".join(f" {host}{' (primary)' if is_primary else ''}" for host, is_primary in planned.domains)
    folder = folder_of(planned.schema, media)
    files = f", files of {folder}" if folder.is_dir() else ""
    return f"{planned.schema}: {planned.slug}.{tenancy().base_domain}{domains}{files}"
