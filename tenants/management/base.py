"""Base class of the engine's commands."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.lifecycle.audit import acting_as
from tenants.management.error_messages import explanation, name_of


class TenantCommand(BaseCommand):
    """A command whose actions are logged with the system user, and whose errors are printed as one line."""

    def execute(self, *args: Any, **options: Any) -> str | None:
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

    def success(self, text: str) -> None:
        """Print the result of the command."""
        self.stdout.write(self.style.SUCCESS(text))


class OneTenantCommand(TenantCommand):
    """A command for one tenant, whose slug is the first argument."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "unknown"
