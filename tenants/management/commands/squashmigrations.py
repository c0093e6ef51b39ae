"""`manage.py squashmigrations`: Django's own, which reads the applied migrations."""

from __future__ import annotations

from django.core.management.commands import squashmigrations

from tenants.management.django_commands import OnOneSide


class Command(OnOneSide, squashmigrations.Command):
    concerns_rows = False  # it writes a file
