"""`manage.py loaddata`: Django's own, for the tenant that is active (`run_in_tenant`)."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import loaddata

from tenants.management.selection import require_tenant


class Command(loaddata.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        require_tenant("loaddata")  # Django leaves out what it may not migrate, which without a tenant is everything
        super().handle(*args, **options)
