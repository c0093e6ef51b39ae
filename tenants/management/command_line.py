"""Django's command line, which says in one line what is wrong with settings, and looks for garbage only among what came
after the command was loaded."""

from __future__ import annotations

import gc
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    """What `manage.py` hands its arguments to."""

    def execute(self) -> None:
        """Run the command; settings that cannot be loaded are one line, unless `--traceback` is given."""
        try:
            super().execute()
        except ImproperlyConfigured as error:
            if "--traceback" in self.argv:
                raise
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.exit(1)

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command of that name; print what there is instead, and exit with 1, if there is none."""
        command = super().fetch_command(subcommand)
        gc.freeze()
        gc.enable()
        return command
