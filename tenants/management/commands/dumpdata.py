"""`manage.py dumpdata`: Django's own, for the tenant that is active (`run_in_tenant`)."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import dumpdata

from tenants.management.selection import require_tenant


class Command(dumpdata.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        require_tenant("dumpdata")  # Django leaves out what it may not migrate, which without a tenant is everything
        super().handle(*args, **options)
