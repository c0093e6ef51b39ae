"""`configure`: completion of a project's settings, for the end of its settings module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenants.configuration import apps, database, django_settings
from tenants.configuration.report import Entry, Outcome, ProjectSettings
from tenants.errors import ConfigurationError
from tenants.extras import print_as_one_line

__all__ = ["Entry", "Outcome", "configure", "entries"]

_entries: list[Entry] = []


def configure(
    settings: dict[str, Any],
    *,
    shared: Sequence[str] = (),
    tenant: Sequence[str] = (),
    common: Sequence[str] = (),
    tenant_urlconf: str = "",
    database_url: str = "",
    **keys: Any,
) -> None:
    """Complete the settings in `globals()`; raise `ConfigurationError` for what cannot be completed.

    `shared`, `tenant` and `common` name apps by where their tables are: in the control plane, in each tenant's schema,
    or in both. Django's own apps with tables are common if they are in none of them. `database_url` is a URL of libpq,
    or `embedded` for the server of `tenants.contrib.devserver`. `keys` are those of `TENANTS` in lower case.

    What the project has set itself stays. `manage.py show_tenant_settings` prints both. docs/settings.md says how to
    write each piece by hand.
    """
    project = ProjectSettings(settings)
    try:
        apps.complete(project, shared=shared, tenant=tenant, common=common, urlconf=tenant_urlconf, keys=keys)
        database.complete(project, database_url)
    except ConfigurationError as error:
        print_as_one_line(error)
        raise
    django_settings.complete(project)
    _entries[:] = project.entries()


def entries() -> tuple[Entry, ...]:
    """Return what the last call of `configure` has set and left; empty without a call."""
    return tuple(_entries)
