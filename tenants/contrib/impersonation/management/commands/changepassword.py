"""`manage.py changepassword`, which refuses an operator's account in a shop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from tenants.contrib.impersonation.backend import is_operator_name
from tenants.contrib.impersonation.errors import OperatorAccountRefused
from tenants.management.commands import changepassword


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        if is_operator_name(options["username"] or ""):
            raise CommandError(str(OperatorAccountRefused(options["username"])))
        return super().handle(*args, **options)
