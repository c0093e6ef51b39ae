"""`manage.py remove_stale_contenttypes`: Django's own, for the active tenant (`run_in_tenant`)."""

from __future__ import annotations

from django.contrib.contenttypes.management.commands import remove_stale_contenttypes

from tenants.management.django_commands import OfATenant


class Command(OfATenant, remove_stale_contenttypes.Command):
    pass
