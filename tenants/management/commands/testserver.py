"""`manage.py testserver`: refused, since its database would have no tenants."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import testserver


class Command(testserver.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "testserver loads fixtures into a database without tenants. Run `manage.py create_tenant`, "
            "`manage.py run_in_tenant SLUG -- loaddata FIXTURE` and `manage.py runserver` instead."
        )
