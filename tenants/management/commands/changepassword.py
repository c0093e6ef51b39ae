"""`manage.py changepassword`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError

from tenants.contrib.impersonation.backend import is_operator_name
from tenants.errors import OperatorAccountRefused
from tenants.management.django_commands import OnOneSide


class Command(OnOneSide, changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        """Run the command; refuse the account that stands for an operator, which no password opens."""
        if is_operator_name(options["username"] or ""):
            raise CommandError(str(OperatorAccountRefused(options["username"])))
        text: str | None = super().handle(*args, **options)
        return text
