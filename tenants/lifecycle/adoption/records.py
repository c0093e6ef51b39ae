"""Records of migrations against tables: which apps are recorded in a schema without their tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from tenants.migrator.graph import AppliedExecutor
from tenants.models.code_release import Key, disk_loader

Tables = Mapping[str, frozenset[str]]
"""Tables by app label."""


@lru_cache(maxsize=64)
def tables_by_app(applied: frozenset[Key]) -> Tables:
    """Return the tables that each app has according to its recorded migrations, as the code has them."""
    known = frozenset(key for key in applied if key in disk_loader().disk_migrations)
    state = AppliedExecutor(known).starting_state()
    tables: dict[str, set[str]] = {}
    for model in state.apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            tables.setdefault(model._meta.app_label, set()).add(model._meta.db_table)
    return {label: frozenset(names) for label, names in tables.items()}


def recorded_without_tables(applied: frozenset[Key], tables: Collection[str]) -> frozenset[str]:
    """Return the labels of apps whose migrations are recorded, but none of whose tables exists.

    The other libraries record in each schema the migrations of all apps, also of those that have their tables
    elsewhere.
    """
    there = frozenset(tables)
    labels = {app for app, _ in applied}
    return frozenset(label for label, names in tables_by_app(applied).items() if label in labels and not names & there)


def incomplete_apps(applied: frozenset[Key], tables: Collection[str]) -> dict[str, list[str]]:
    """Return the missing tables of apps of which some tables exist, by label."""
    there = frozenset(tables)
    found = {}
    for label, names in tables_by_app(applied).items():
        if names & there and (missing := names - there):
            found[label] = sorted(missing)
    return found


def removable(applied: frozenset[Key], labels: Collection[str]) -> list[Key]:
    """Return the records of the apps `labels` on which no other recorded migration depends, sorted."""
    kept = {key for key in applied if key[0] not in labels}
    graph = disk_loader().graph
    needed: set[Key] = set()
    for key in kept & graph.nodes.keys():
        needed.update(graph.forwards_plan(key))
    wanted = {app for app, _ in needed if app in labels}
    return sorted(key for key in applied if key[0] in labels and key[0] not in wanted)
