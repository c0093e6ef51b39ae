"""`manage.py makemigrations`: must have the same autodetector as `migrate` (check commands.E001)."""

from __future__ import annotations

from django.core.management.commands import makemigrations

from tenants.migrator.django_commands import TenantAutodetector


class Command(makemigrations.Command):
    autodetector = TenantAutodetector
