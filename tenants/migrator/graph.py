"""The migration graph of the code at hand, and where a tenant has to be in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

from django.core.management.base import CommandError
from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.loader import MigrationLoader

from tenants.context import TenantInfo
from tenants.scopes import labels_for

Key = tuple[str, str]
"""A migration: app label and name."""


@cache
def disk_loader() -> MigrationLoader:
    """Return the graph of the migrations in the code; read once, since code does not change while a process runs."""
    return MigrationLoader(None)


def targets_for(tenant: TenantInfo) -> list[Key]:
    """Return the last migrations of every app that has tables in the tenant's schema."""
    labels = labels_for(tenant)
    return [key for key in disk_loader().graph.leaf_nodes() if key[0] in labels]


def chosen_targets(app_label: str, migration: str | None) -> list[Key]:
    """Return the targets for `migrate_tenants APP [MIGRATION]`; raise `CommandError` for what is not there.

    A migration may be given by a prefix of its name; `zero` is before the first.
    """
    loader = disk_loader()
    if app_label not in loader.migrated_apps:
        raise CommandError(f"There is no app {app_label!r} with migrations. Give the app's label, for example 'goods'.")
    if migration is None:
        return [key for key in loader.graph.leaf_nodes() if key[0] == app_label]
    if migration == "zero":
        return [(app_label, None)]  # type: ignore[list-item]  # Django's own way to say it
    try:
        return [(app_label, loader.get_migration_by_prefix(app_label, migration).name)]
    except AmbiguityError as error:
        raise CommandError(
            f"More than one migration of {app_label!r} begins with {migration!r}. Give more of the name."
        ) from error
    except KeyError as error:
        raise CommandError(f"{app_label!r} has no migration {migration!r}. `ls` its migrations folder.") from error


def fingerprint(applied: Iterable[Key]) -> str:
    """Return one short value for a set of applied migrations."""
    text = "\n".join(f"{app}.{name}" for app, name in sorted(applied))
    return hashlib.sha256(text.encode()).hexdigest()


def target_fingerprint(tenant: TenantInfo) -> str:
    """Return the fingerprint of a tenant that is up to date with the code."""
    graph = disk_loader().graph
    plan = {key for target in targets_for(tenant) for key in graph.forwards_plan(target)}
    return fingerprint(plan)
