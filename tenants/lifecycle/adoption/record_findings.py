"""Findings about recorded migrations and tables of a schema."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from django.apps import apps

from tenants.isolation.app_placement import variant_app_labels
from tenants.lifecycle.adoption.records import Tables, incomplete_apps, recorded_without_tables, tables_by_app
from tenants.migrator.graph import fingerprint, target_fingerprint
from tenants.migrator.release_order import missing_from_code
from tenants.models.code_release import Key
from tenants.variants.discovery import DEFAULT

MIGRATIONS = "django_migrations"
Facts = tuple[str, str, bool]
"""What was found, the next step, and whether it stands in the way."""


@lru_cache(maxsize=64)
def record_findings(
    applied: frozenset[Key] | None, tables: frozenset[str], public: frozenset[str], handled: frozenset[str]
) -> tuple[Facts, ...]:
    """Return what is found in a schema with these records and tables. Most schemas of a project are alike.

    `handled` are the labels of apps whose tables the tenant gets otherwise.
    """
    if applied is None:
        return (
            (
                f"it has no table {MIGRATIONS}, so nothing says how far it is migrated",
                "Record that with the old project (migrate --fake), or leave the schema out.",
                True,
            ),
        )
    labels = variant_app_labels(DEFAULT)
    return (
        *_unknown(applied, labels),
        *_without_tables(applied, tables, public, labels - handled),
        *_incomplete(applied, tables, labels),
        *_unrecorded(applied, tables, labels),
        *_behind(applied),
        *_extra(applied, tables, labels),
    )


def _unknown(applied: frozenset[Key], labels: frozenset[str]) -> Iterator[Facts]:
    unknown = sorted(missing_from_code([key for key in applied if key[0] in labels]))
    if unknown:
        names = ", ".join(f"{app}.{name}" for app, name in unknown)
        yield f"it has applied {names}, which this code does not have", "Adopt it with code that has them.", True


def _without_tables(
    applied: frozenset[Key], tables: frozenset[str], public: frozenset[str], labels: frozenset[str]
) -> Iterator[Facts]:
    for label in sorted(recorded_without_tables(applied, tables) & labels):
        where = "only schema public has them" if tables_by_app(applied)[label] & public else "no schema has them"
        yield (
            f"the migrations of {label} are recorded, but its tables are not there: {where}",
            f"Copy them into each tenant (--copy {label}), or start with empty ones (--start-empty {label}); for users "
            f"see docs/moving.md, Users that only public has.",
            True,
        )


def _incomplete(applied: frozenset[Key], tables: frozenset[str], labels: frozenset[str]) -> Iterator[Facts]:
    for label, missing in sorted(incomplete_apps(applied, tables).items()):
        if label in labels:
            yield (
                f"tables of {label} are missing, although their migrations are recorded: {', '.join(missing)}",
                "Create them with the old project, or restore them from a backup.",
                True,
            )


def _unrecorded(applied: frozenset[Key], tables: frozenset[str], labels: frozenset[str]) -> Iterator[Facts]:
    recorded = {app for app, _ in applied}
    for label, names in sorted(tables_of_models().items()):
        if label in labels - recorded and (there := sorted(names & tables)):
            yield (
                f"it has tables of {label}, whose migrations are not recorded: {', '.join(there)}",
                f"Record them with the old project: migrate {label} --fake.",
                True,
            )


def _behind(applied: frozenset[Key]) -> Iterator[Facts]:
    if fingerprint(applied, DEFAULT) != target_fingerprint(DEFAULT):
        yield "it is behind the code", "After the adoption, run: manage.py migrate_tenants.", False


def _extra(applied: frozenset[Key], tables: frozenset[str], labels: frozenset[str]) -> Iterator[Facts]:
    of_apps = {name for label, names in tables_by_app(applied).items() if label in labels for name in names}
    if extra := sorted(tables - of_apps - {MIGRATIONS}):
        yield (
            f"it has tables that no app of the tenants creates: {', '.join(extra)}",
            "They are kept, and backed up; clone_tenant refuses the tenant as long as they exist.",
            False,
        )


@lru_cache(maxsize=1)
def tables_of_models() -> Tables:
    tables: dict[str, set[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed:
            tables.setdefault(model._meta.app_label, set()).add(model._meta.db_table)
    return {label: frozenset(names) for label, names in tables.items()}
