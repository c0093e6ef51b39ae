"""Survey of the schemas to adopt: everything that stands in the way, found before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tenants.context import PLATFORM, use_tenant
from tenants.errors import AdoptionRefused
from tenants.isolation.app_placement import variant_app_labels
from tenants.lifecycle.adoption import catalog
from tenants.lifecycle.adoption.addresses import Naming, Planned, clashes, plan_addresses
from tenants.lifecycle.adoption.catalog_findings import (
    kind_findings,
    login_findings,
    movable_extensions,
    name_findings,
    reference_findings,
)
from tenants.lifecycle.adoption.copy_tables import check_copies
from tenants.lifecycle.adoption.findings import Finding
from tenants.lifecycle.adoption.public import public_findings, public_history
from tenants.lifecycle.adoption.record_findings import MIGRATIONS, record_findings
from tenants.lifecycle.adoption.records import recorded_without_tables, removable, tables_by_app
from tenants.lifecycle.adoption.sources import PUBLIC, Candidate
from tenants.lifecycle.create import NAME_MAX_LENGTH
from tenants.models import AuditEvent, Domain, Tenant
from tenants.models.code_release import Key
from tenants.variants.discovery import DEFAULT

ADOPTED = "adopt"
"""The action in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicApps:
    """Apps of tenants whose tables only schema `public` has, by label."""

    copied: frozenset[str] = frozenset()
    """Each tenant gets a copy of their tables with all rows."""
    empty: frozenset[str] = frozenset()
    """Each tenant gets their tables empty, by its next migration."""

    @classmethod
    def chosen(cls, copied: Collection[str], empty: Collection[str]) -> PublicApps:
        """Return the choice; raise `AdoptionRefused` if a tenant has no such app, or for users."""
        labels = variant_app_labels(DEFAULT)
        if wrong := sorted({*copied, *empty} - labels):
            raise AdoptionRefused(
                f"tenants have no app {', '.join(map(repr, wrong))}",
                f"Give the label of an app of TENANT_APPS or COMMON_APPS: {', '.join(sorted(labels))}.",
            )
        check_copies(copied)
        return cls(copied=frozenset(copied), empty=frozenset(empty))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What will be adopted, and what was found."""

    planned: tuple[Planned, ...]
    findings: tuple[Finding, ...]
    histories: dict[str, frozenset[Key]]
    """The recorded migrations of the schemas and of `public`."""
    tables: dict[str, frozenset[str]]
    extensions: tuple[str, ...]
    """The extensions that move to `TENANTS["EXTENSION_SCHEMA"]`."""
    from_public: PublicApps
    done: int
    """How many of the candidates earlier runs have adopted."""

    @property
    def refusals(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.blocks]

    @property
    def notices(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.blocks]

    def copied_tables(self, schema: str) -> list[str]:
        """Return the tables of `public` of which the tenant gets a copy."""
        by_app = tables_by_app(self.histories[PUBLIC])
        copied = {table for label in self.from_public.copied for table in by_app.get(label, ())}
        return sorted(copied - self.tables[schema])

    def false_records(self, schema: str) -> list[Key]:
        """Return the records to delete: those of apps whose tables are not there, and are not copied."""
        applied = self.histories[schema]
        false = recorded_without_tables(applied, self.tables[schema])
        return removable(applied, (false - variant_app_labels(DEFAULT)) | (false & self.from_public.empty))

    def missing_records(self, schema: str) -> list[Key]:
        """Return the records of copied apps that the schema does not have."""
        copied = {key for key in self.histories.get(PUBLIC, ()) if key[0] in self.from_public.copied}
        return sorted(copied - self.histories[schema])


def survey(candidates: Collection[Candidate], naming: Naming, from_public: PublicApps) -> Survey:
    """Inspect the candidates and the control plane without changing anything."""
    with use_tenant(PLATFORM):
        there = frozenset(catalog.all_schemas())
        before = adopted_schemas() - there
        wanted = [each for each in candidates if each.schema not in before | {PUBLIC}]
        found = [each for each in wanted if each.schema in there]
        planned, findings = _plan(found, naming)
        findings += [_missing(each) for each in wanted if each.schema not in there]
        tables = catalog.tables_of([*there, PUBLIC])
        recorded = [each.schema for each in found if MIGRATIONS in tables.get(each.schema, ())]
        histories = {**dict(catalog.histories_of(recorded)), PUBLIC: public_history(tables.get(PUBLIC, ()))}
        inspected, extensions = _inspect([each.schema for each in found], tables, histories, from_public)
        findings += [*inspected, *login_findings(), *public_findings(candidates, tables, histories[PUBLIC])]
    return Survey(
        planned=tuple(planned),
        findings=tuple(findings),
        histories=histories,
        tables=tables,
        extensions=tuple(extensions),
        from_public=from_public,
        done=sum(each.schema in before for each in candidates),
    )


def adopted_schemas() -> set[str]:
    """Return the names that adopted schemas had; of a control plane without tables, none."""
    if not _has_control_plane():
        return set()
    events = AuditEvent.objects.filter(action=ADOPTED)
    return {str(name) for name in events.values_list("detail__schema", flat=True)}


def _has_control_plane() -> bool:
    return bool(catalog.rows_of("SELECT to_regclass('public.tenants_tenant') IS NOT NULL")[0][0])


def _plan(found: Collection[Candidate], naming: Naming) -> tuple[list[Planned], list[Finding]]:
    planned: list[Planned] = []
    findings: list[Finding] = []
    for candidate in found:
        each, more = plan_addresses(candidate, naming)
        planned.append(each)
        findings += more
        if len(candidate.name) > NAME_MAX_LENGTH:
            what = f"its name has more than {NAME_MAX_LENGTH} characters"
            findings.append(Finding(candidate.schema, what, "Shorten it in the old table."))
    slugs, hosts = _taken() if _has_control_plane() else ([], [])
    return planned, [*findings, *clashes(planned, slugs, hosts)]


def _taken() -> tuple[list[str], list[str]]:
    slugs = Tenant.objects.values_list("slug", flat=True)
    return list(slugs), list(Domain.objects.values_list("host", flat=True))


def _missing(candidate: Candidate) -> Finding:
    what, next_step = "the schema does not exist", "Delete its row in the old table, or restore it from a backup."
    return Finding(candidate.schema, what, next_step)


def _inspect(
    schemas: list[str],
    tables: dict[str, frozenset[str]],
    histories: dict[str, frozenset[Key]],
    from_public: PublicApps,
) -> tuple[list[Finding], list[str]]:
    """Return what is found in the schemas, and the extensions that can move."""
    if not schemas:
        return [], []
    handled = from_public.copied | from_public.empty
    by_app = tables_by_app(histories[PUBLIC])
    copied = frozenset(table for label in from_public.copied for table in by_app.get(label, ()))
    crossings = catalog.dependencies_across(schemas)
    extensions, findings = movable_extensions(schemas, crossings)
    findings += _each(schemas, tables, histories, handled)
    findings += [*reference_findings(schemas, crossings, copied), *kind_findings(schemas)]
    return findings, extensions


def _each(
    schemas: list[str],
    tables: dict[str, frozenset[str]],
    histories: dict[str, frozenset[Key]],
    handled: frozenset[str],
) -> Iterator[Finding]:
    public = tables.get(PUBLIC, frozenset())
    for schema in schemas:
        yield from name_findings(schema)
        for facts in record_findings(histories.get(schema), tables.get(schema, frozenset()), public, handled):
            yield Finding(schema, *facts)
