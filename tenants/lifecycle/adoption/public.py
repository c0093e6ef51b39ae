"""Findings about schema `public`, which becomes the control plane, and about schemas that are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tenants.conf import tenancy
from tenants.context import PLATFORM
from tenants.isolation.app_placement import app_labels_for, variant_app_labels
from tenants.lifecycle.adoption import catalog
from tenants.lifecycle.adoption.catalog_findings import has_engines_name
from tenants.lifecycle.adoption.findings import Finding
from tenants.lifecycle.adoption.record_findings import MIGRATIONS
from tenants.lifecycle.adoption.records import recorded_without_tables, removable, tables_by_app
from tenants.lifecycle.adoption.sources import PUBLIC, Candidate
from tenants.models.code_release import Key
from tenants.variants.discovery import DEFAULT


def public_history(tables: Collection[str]) -> frozenset[Key]:
    """Return the recorded migrations of `public`, which has these tables."""
    return dict(catalog.histories_of([PUBLIC]))[PUBLIC] if MIGRATIONS in tables else frozenset()


def public_findings(
    candidates: Collection[Candidate], tables: Mapping[str, frozenset[str]], applied: frozenset[Key]
) -> Iterator[Finding]:
    public = tables.get(PUBLIC, frozenset())
    yield from _records(public, applied)
    yield from _tables_of_tenants(public, applied)
    yield from _hosts(candidates)
    yield from _others(tables, {candidate.schema for candidate in candidates})


def _records(public: frozenset[str], applied: frozenset[Key]) -> Iterator[Finding]:
    """Yield what stands in the way of the control plane's own migrations."""
    false = recorded_without_tables(applied, public)
    kept = {app for app, _ in applied} - {app for app, _ in removable(applied, false)}
    for label in sorted(false & kept & app_labels_for(PLATFORM)):
        yield Finding(
            PUBLIC,
            f"the migrations of {label} are recorded, but its tables are not there, and other apps need them",
            f"Delete the records of {label} in public.{MIGRATIONS} first.",
        )


def _tables_of_tenants(public: frozenset[str], applied: frozenset[Key]) -> Iterator[Finding]:
    of_tenants = variant_app_labels(DEFAULT) - app_labels_for(PLATFORM)
    left = {name for label in of_tenants for name in tables_by_app(applied).get(label, ()) if name in public}
    if left:
        yield Finding(
            PUBLIC,
            f"it has tables of TENANT_APPS: {', '.join(sorted(left))}",
            "They stay, and nothing uses them. If they have the rows of a shop, adopt that first, with --single.",
            blocks=False,
        )


def _hosts(candidates: Collection[Candidate]) -> Iterator[Finding]:
    known = {tenancy().base_domain, *tenancy().platform_hosts}
    for candidate in candidates:
        hosts = [address.host for address in candidate.addresses if address.host not in known]
        if candidate.schema == PUBLIC and hosts:
            what = f"its hosts are not the platform's: {', '.join(hosts)}"
            yield Finding(PUBLIC, what, "Add them to TENANTS['PLATFORM_HOSTS'] if they should answer.", blocks=False)


def _others(tables: Mapping[str, frozenset[str]], wanted: Collection[str]) -> Iterator[Finding]:
    for schema, names in tables.items():
        if MIGRATIONS in names and schema not in {*wanted, PUBLIC} and not has_engines_name(schema):
            yield Finding(
                schema,
                "it has Django's tables, and is not adopted",
                "To adopt it as well, run: manage.py adopt_schemas --from schemas SCHEMA.",
                blocks=False,
            )
