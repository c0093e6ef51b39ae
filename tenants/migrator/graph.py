"""Migration graph and executor: Django's own, for given sets of applied migrations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from tenants.context import TenantInfo
from tenants.errors import MigrationFailed
from tenants.isolation.app_placement import (
    Placement,
    app_labels_for,
    describe_placement,
    placement_of,
    variant_app_labels,
)
from tenants.models.code_release import Key, checksum, disk_loader
from tenants.variants.discovery import known_variants

Target = tuple[str, str | None]
"""App label and migration; None: unapply all migrations of the app."""
Plan = list[tuple[Migration, bool]]
"""Migrations in order, each with whether it runs backwards."""


@contextmanager
def naming_migration(migration: Migration) -> Iterator[None]:
    """Add a note with the migration's name to an error of the block."""
    try:
        yield
    except Exception as error:
        error.add_note(f"In {migration}")
        raise


class AppliedLoader(MigrationLoader):
    """The graph that Django would build for a database in which `applied` is applied, without a query."""

    def __init__(self, applied: Iterable[Key]) -> None:
        self._applied: dict[Key, Any] = dict.fromkeys(applied)
        super().__init__(None)

    def load_disk(self) -> None:
        # Django would import every module of migrations again.
        read = disk_loader()
        self.disk_migrations = read.disk_migrations
        self.unmigrated_apps, self.migrated_apps = read.unmigrated_apps, read.migrated_apps

    @property
    def applied_migrations(self) -> dict[Key, Any]:
        return self._applied

    @applied_migrations.setter
    def applied_migrations(self, value: object) -> None:
        """Ignore the empty set that the loader finds without a connection."""


class AppliedExecutor(MigrationExecutor):
    """Django's executor for a given set of applied migrations."""

    def __init__(self, applied: frozenset[Key]) -> None:
        self.connection = connection
        self.recorded = applied
        self.loader = AppliedLoader(applied)
        self.recorder = MigrationRecorder(connection)
        self.progress_callback = None

    def starting_state(self) -> ProjectState:
        """Return the models before the plan."""
        state: ProjectState = self._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
        return state

    def plan_of(self, keys: Iterable[Key], backwards: bool) -> Plan:
        """Return a plan of exactly these migrations."""
        return [(self.loader.graph.nodes[key], backwards) for key in keys]

    def unapply(self, plan: Plan) -> ProjectState:
        """Unapply a backward plan in the active schema and return the models afterwards."""
        everything = self.migration_plan(self.loader.graph.leaf_nodes(), clean_start=True)
        state: ProjectState = self._migrate_all_backwards(plan, everything, fake=False)  # type: ignore[attr-defined]
        return state

    def unrecorded_replacements(self) -> list[Key]:
        """Return the squashed migrations that count as applied because all that they replace are applied."""
        return [key for key in self.loader.applied_migrations if key not in self.recorded]


def targets_for(tenant: TenantInfo, chosen: Iterable[Target] | None = None) -> tuple[Target, ...]:
    """Return the chosen targets, or the latest migration of each app that has tables in the tenant's schema.

    Raises `MigrationFailed` if a chosen app has no tables there.
    """
    labels = app_labels_for(tenant)
    if chosen is None:
        return tuple(key for key in _leaves() if key[0] in labels)
    targets = tuple(chosen)
    wrong = sorted({app for app, _ in targets} - labels)
    if wrong:
        places = ", ".join(f"{app} has its tables in {describe_placement(app)}" for app in wrong)
        raise MigrationFailed(tenant.slug, f"{places}.")
    return targets


@cache
def _leaves() -> list[Key]:
    leaves: list[Key] = disk_loader().graph.leaf_nodes()
    return leaves


def chosen_targets(app_label: str, migration: str | None) -> list[Target]:
    """Return the targets for `migrate_tenants APP [MIGRATION]`.

    A migration may be given by a prefix of its name; `zero` unapplies all. Raises `CommandError` for an unknown one.
    """
    loader = disk_loader()
    if app_label not in loader.migrated_apps:
        raise CommandError(f"No app with migrations has the label {app_label!r}. Give a label such as 'goods'.")
    if placement_of(app_label) in {Placement.SHARED, Placement.UNKNOWN}:
        raise CommandError(
            f"{app_label!r} has its tables in {describe_placement(app_label)}. Run: manage.py migrate {app_label}"
        )
    if migration is None:
        return [key for key in loader.graph.leaf_nodes() if key[0] == app_label]
    if migration == "zero":
        return [(app_label, None)]
    try:
        return [(app_label, loader.get_migration_by_prefix(app_label, migration).name)]
    except AmbiguityError as error:
        raise CommandError(
            f"Several migrations of {app_label!r} begin with {migration!r}. Give a longer prefix."
        ) from error
    except KeyError as error:
        raise CommandError(
            f"{app_label!r} has no migration {migration!r}. Run: manage.py showmigrations {app_label}"
        ) from error


def fingerprint(applied: Collection[Key], variant: str) -> str:
    """Return a checksum of the applied migrations that the code has, in the apps of tenants of `variant`.

    Other records have no effect: squashed migrations of old schemas, and those of dormant variants.
    """
    return checksum(applied, variant_app_labels(variant))


@lru_cache(maxsize=64)
def _target_fingerprint(labels: frozenset[str]) -> str:
    graph = disk_loader().graph
    done = {key for leaf in _leaves() if leaf[0] in labels for key in graph.forwards_plan(leaf)}
    replaced = {key for key in done for key in disk_loader().get_migration(*key).replaces}
    return checksum(done | replaced, labels)


def target_fingerprint(variant: str) -> str:
    """Return the fingerprint of an up-to-date schema of `variant`; one that no schema has if the variant is unknown."""
    return _target_fingerprint(variant_app_labels(variant)) if variant in known_variants() else "unknown variant"
