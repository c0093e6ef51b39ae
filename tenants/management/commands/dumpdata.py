"""`manage.py dumpdata`: Django's own, for the active tenant (`run_in_tenant`)."""

from __future__ import annotations

from django.core.management.commands import dumpdata

from tenants.management.django_commands import OfATenant


class Command(OfATenant, dumpdata.Command):
    pass
