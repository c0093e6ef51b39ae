"""One-line errors of commands in place of tracebacks: no active tenant, no database, no tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand
from django.db import DatabaseError
from psycopg import errors

from tenants.errors import DatabaseUnavailable, NoActiveTenant, TenancyError
from tenants.isolation.patches import Patch
from tenants.postgresql.overload import OverloadReason, first_line, overload_reason
from tenants.redaction import redact_secrets

_MISSING = (errors.UndefinedTable, errors.UndefinedColumn)


def explanation(error: BaseException, command: str) -> str | None:
    """Return the text for an error, with the next step; None if it needs a traceback."""
    if isinstance(error, NoActiveTenant) and command != "shell":  # where the code is the user's
        return (
            f"{command} needs a tenant, and none is active. Run: manage.py run_in_tenant SLUG -- {command} … "
            f"(--all for every tenant, --platform for the control plane)."
        )
    away = next((cause for cause in _causes(error) if overload_reason(cause) is OverloadReason.AWAY), None)
    if away is not None and not isinstance(away, DatabaseUnavailable):
        return (
            f"{command} failed: the database does not answer ({redact_secrets(first_line(away))}). Start PostgreSQL "
            f"or correct DATABASE_URL (DATABASE_DIRECT_URL), then run the command again."
        )
    if isinstance(error, (TenancyError, ImproperlyConfigured)):
        return redact_secrets(str(error))
    if isinstance(error, DatabaseError) and isinstance(error.__cause__, _MISSING) and "tenants_" in str(error):
        return "The control plane is not migrated. Run: manage.py migrate"
    if isinstance(error, DatabaseError) and isinstance(error.__cause__, errors.InsufficientPrivilege):
        return (
            f"{command} failed: {first_line(error)}. Use the login that owns the tables (assume_role, see "
            f"docs/operations.md, Logins), or run_in_tenant --as-owner for commands that alter tables."
        )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def explain_errors(original: Any) -> Any:
    """Return a `run_from_argv` that prints one line and exits with 1; `call_command` is not affected."""

    @wraps(original)
    def run_from_argv(self: BaseCommand, argv: list[str]) -> None:
        try:
            original(self, argv)
        except Exception as error:
            text = None if "--traceback" in argv else explanation(error, argv[1])
            if text is None:
                raise
            self.stderr.write(f"CommandError: {text}")
            sys.exit(1)

    return run_from_argv


PATCHES = (
    Patch(
        "django.core.management.base:BaseCommand.run_from_argv",
        "self argv",
        explain_errors,
        "Django has no hook for the errors of other apps' commands.",
    ),
)


def name_of(command: Any) -> str:
    return str(type(command).__module__.rpartition(".")[2])
