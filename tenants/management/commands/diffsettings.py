"""`manage.py diffsettings`: Django's own, without the values of passwords and keys."""

from __future__ import annotations

from django.core.management.commands import diffsettings

from tenants.management.sides import OnOneSide


class Command(OnOneSide, diffsettings.Command):
    concerns_rows = False  # some settings have another value for each tenant, and need an active one
