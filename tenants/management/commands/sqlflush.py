"""`manage.py sqlflush`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from django.core.management.commands import sqlflush

from tenants.management.django_commands import OnOneSide


class Command(OnOneSide, sqlflush.Command):
    pass
