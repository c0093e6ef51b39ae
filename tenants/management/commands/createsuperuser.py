"""`manage.py createsuperuser`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from django.contrib.auth.management.commands import createsuperuser

from tenants.management.django_commands import OfUsers


class Command(OfUsers, createsuperuser.Command):
    pass
