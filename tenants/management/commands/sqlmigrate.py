"""`manage.py sqlmigrate`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import sqlmigrate

from tenants.management.django_commands import OnOneSide, require_apps_here


class Command(OnOneSide, sqlmigrate.Command):
    def handle(self, *args: Any, **options: Any) -> str:
        require_apps_here([options["app_label"]], "sqlmigrate")  # else Django prints no statements
        return str(super().handle(*args, **options))
