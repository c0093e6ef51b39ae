"""`manage.py flush`: Django's own, for the active tenant, else for the control plane."""

from __future__ import annotations

from django.core.management.commands import flush

from tenants.management.sides import OnOneSide


class Command(OnOneSide, flush.Command):
    help = "Empties the control plane's tables. A tenant's: manage.py run_in_tenant SLUG --as-owner -- flush."
