"""Release of the running code, identified by its migrations."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import cache

from django.db.migrations.loader import MigrationLoader

from tenants.isolation.app_placement import platform_app_labels, variant_app_labels
from tenants.variants.discovery import known_variants

Key = tuple[str, str]
"""A migration: app label and name."""


@cache
def disk_loader() -> MigrationLoader:
    """Return the graph of the migrations in the code; read once, since code does not change while a process runs."""
    return MigrationLoader(None)


@cache
def release() -> str:
    """Return one value for the code that runs: a checksum of the migrations of all tenants and of the control plane.

    Code with the same migrations is the same release: each may go on with what the other has begun.
    """
    labels = platform_app_labels().union(*(variant_app_labels(variant) for variant in known_variants()))
    return checksum(disk_loader().disk_migrations, labels)


def checksum(keys: Iterable[Key], labels: Collection[str]) -> str:
    """Return a hash of those migrations of the apps `labels` that the code has."""
    known = disk_loader().disk_migrations
    text = "\n".join(f"{app}.{name}" for app, name in sorted(keys) if app in labels and (app, name) in known)
    return hashlib.sha256(text.encode()).hexdigest()
