"""System checks of settings and database. docs/operations.md has a row for each id."""

from tenants.checks import (
    credentials,
    database_login,
    extensions,
    other_apps,
    patches,
    placement,
    pooler,
    process_state,
    settings,
)

__all__ = [
    "credentials",
    "database_login",
    "extensions",
    "other_apps",
    "patches",
    "placement",
    "pooler",
    "process_state",
    "settings",
]
