"""`manage.py loaddata`: Django's own, for the active tenant (`run_in_tenant`)."""

from __future__ import annotations

from django.core.management.commands import loaddata

from tenants.management.sides import OfATenant


class Command(OfATenant, loaddata.Command):
    pass
