"""The migrations in the code, and the way from where a schema is to where it has to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
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
"""Where to go: app label and migration; None: before the first."""
Plan = list[tuple[Migration, bool]]
"""Migrations in order, each with whether it is unapplied."""


@contextmanager
def at(migration: Migration) -> Iterator[None]:
    """Let an error that leaves the block name the migration it came from, in a note."""
    try:
        yield
    except Exception as error:
        error.add_note(f"In {migration}")
        raise


class AppliedLoader(MigrationLoader):
    """The graph as Django would build it for a database in which `applied` is applied, without asking one."""

    def __init__(self, applied: Iterable[Key]) -> None:
        self._applied: dict[Key, Any] = dict.fromkeys(applied)
        super().__init__(None)

    def load_disk(self) -> None:
        """Take what was read before. Django would import every module of migrations anew."""
        read = disk_loader()
        self.disk_migrations = read.disk_migrations
        self.unmigrated_apps, self.migrated_apps = read.unmigrated_apps, read.migrated_apps

    @property
    def applied_migrations(self) -> dict[Key, Any]:
        """What is applied: it decides which squashed migrations stand for the ones that they replace."""
        return self._applied

    @applied_migrations.setter
    def applied_migrations(self, value: object) -> None:
        """Ignore what the loader finds for itself, which without a connection is nothing."""


class AppliedExecutor(MigrationExecutor):
    """Django's executor, told what is applied instead of reading it."""

    def __init__(self, applied: frozenset[Key]) -> None:
        self.connection = connection
        self.recorded = applied
        self.loader = AppliedLoader(applied)
        self.recorder = MigrationRecorder(connection)
        self.progress_callback = None

    def starting_state(self) -> ProjectState:
        """Return the models as they are where the schema is now."""
        state: ProjectState = self._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
        return state

    def plan_of(self, keys: Iterable[Key], backwards: bool) -> Plan:
        """Return a plan of just these migrations."""
        return [(self.loader.graph.nodes[key], backwards) for key in keys]

    def unapply(self, plan: Plan) -> ProjectState:
        """Unapply a backward plan in the schema at hand and return the models as they are then."""
        everything = self.migration_plan(self.loader.graph.leaf_nodes(), clean_start=True)
        state: ProjectState = self._migrate_all_backwards(plan, everything, fake=False)  # type: ignore[attr-defined]
        return state

    def unrecorded_replacements(self) -> list[Key]:
        """Return the squashed migrations that count as applied because all that they replace is."""
        return [key for key in self.loader.applied_migrations if key not in self.recorded]


def targets_for(tenant: TenantInfo) -> tuple[Target, ...]:
    """Return the last migrations of every app that has tables in the tenant's schema."""
    return _leaves(app_labels_for(tenant))


def check_targets(tenant: TenantInfo, targets: Collection[Target]) -> None:
    """Raise `MigrationFailed` for an app that has no tables in the tenant's schema: it would be on record there."""
    strangers = sorted({app for app, _ in targets} - app_labels_for(tenant))
    if strangers:
        places = ", ".join(f"{app}: {describe_placement(app)}" for app in strangers)
        raise MigrationFailed(tenant.slug, f"it is not among those that have the tables ({places}).")


@lru_cache(maxsize=64)
def _leaves(labels: frozenset[str]) -> tuple[Key, ...]:
    return tuple(key for key in disk_loader().graph.leaf_nodes() if key[0] in labels)


def chosen_targets(app_label: str, migration: str | None) -> list[Target]:
    """Return the targets for `migrate_tenants APP [MIGRATION]`; raise `CommandError` for what is not there.

    A migration may be given by a prefix of its name; `zero` is before the first.
    """
    loader = disk_loader()
    if app_label not in loader.migrated_apps:
        raise CommandError(f"There is no app {app_label!r} with migrations. Give the app's label, for example 'goods'.")
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
        raise CommandError(f"Several migrations of {app_label!r} begin with {migration!r}. Give more of it.") from error
    except KeyError as error:
        raise CommandError(f"{app_label!r} has no migration {migration!r}. Look into its migrations folder.") from error


def fingerprint(applied: Collection[Key], variant: str) -> str:
    """Return one short value for how far a schema is: a checksum of those applied migrations that count.

    Those do that the code has, of the apps that tenants of `variant` have. So old and young schemas compare equal,
    where migrations have been squashed away, and so do those that have the tables of another variant kept aside.
    """
    labels = variant_app_labels(variant)
    return checksum(key for key in applied if key[0] in labels)


@lru_cache(maxsize=64)
def _target_fingerprint(labels: frozenset[str]) -> str:
    graph = disk_loader().graph
    done = {key for leaf in _leaves(labels) for key in graph.forwards_plan(leaf)}
    replaced = {key for key in done for key in disk_loader().get_migration(*key).replaces}
    return checksum(done | replaced)


def target_fingerprint(variant: str) -> str:
    """Return the fingerprint of a schema of that variant that is up to date with the code.

    For a variant that the code does not have that is one that no schema has: it is never up to date.
    """
    return _target_fingerprint(variant_app_labels(variant)) if variant in known_variants() else "unknown variant"
