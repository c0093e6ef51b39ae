"""Django's command line, which looks for garbage only among what came after the command was loaded."""

from __future__ import annotations

import gc

from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    """What `manage.py` hands its arguments to."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command of that name; print what there is instead, and exit with 1, if there is none."""
        command = super().fetch_command(subcommand)
        gc.freeze()
        gc.enable()
        return command
