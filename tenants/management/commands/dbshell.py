"""`manage.py dbshell`: psql with the search path and role of the active tenant, else of the control plane."""

from __future__ import annotations

from django.core.management.commands import dbshell

from tenants.management.django_commands import OnOneSide


class Command(OnOneSide, dbshell.Command):
    help = "Opens psql in the control plane. In a tenant's schema: manage.py run_in_tenant SLUG -- dbshell."
