"""What the commands of the engine have in common."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.lifecycle.audit import acting_as
from tenants.management.error_messages import explanation, name_of


class TenantCommand(BaseCommand):
    """A door onto the functions of the engine: what it does is known as done from the command line, by whom, and an
    error of the engine's is printed as it is, with exit code 1."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command."""
        with acting_as(f"command line: {_user()}"):
            try:
                return super().execute(*args, **options)
            except CommandError:
                raise
            except Exception as error:
                text = explanation(error, name_of(self))
                if text is None:
                    raise
                raise CommandError(text) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "unknown"
