"""`manage.py makemigrations`: Django's own; it has to share its autodetector with `migrate` (check commands.E001)."""

from __future__ import annotations

from django.core.management.commands import makemigrations

from tenants.migrator.django_commands import TenantAutodetector


class Command(makemigrations.Command):
    autodetector = TenantAutodetector
