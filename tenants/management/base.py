"""What the commands of the engine have in common."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from psycopg import errors

from tenants.audit import acting_as
from tenants.errors import TenancyError


class TenantCommand(BaseCommand):
    """A door onto the functions of the engine: what it does is known as done from the command line, by whom, and an
    error of the engine's is printed as it is, with exit code 1."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command."""
        with acting_as(f"command line: {_user()}"):
            try:
                return super().execute(*args, **options)
            except TenancyError as error:
                raise CommandError(str(error)) from error
            except ProgrammingError as error:
                if not _control_plane_is_missing(error):
                    raise
                raise CommandError("The control plane is not migrated. Run: manage.py migrate") from error


def _control_plane_is_missing(error: ProgrammingError) -> bool:
    return isinstance(error.__cause__, (errors.UndefinedTable, errors.UndefinedColumn)) and "tenants_" in str(error)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "unknown"
