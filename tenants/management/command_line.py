"""Django's command line, with one-line errors for settings and without garbage collection of loaded modules."""

from __future__ import annotations

import gc
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    def execute(self) -> None:
        """Run the command; without `--traceback`, print wrong settings as one line."""
        try:
            super().execute()
        except ImproperlyConfigured as error:
            if "--traceback" in self.argv:
                raise
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            sys.exit(1)

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return a command, and exclude what was loaded with it from garbage collection."""
        command = super().fetch_command(subcommand)
        gc.freeze()
        gc.enable()
        return command
