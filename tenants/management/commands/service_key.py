"""`manage.py service_key NAME`: the key by which a service tells what was signed for it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.services.keys import service_key
from tenants.contrib.services.models import Service
from tenants.management.base import TenantCommand


class Command(TenantCommand):
    help = (
        "Prints the key of a service of another code base, as hexadecimal digits. It tells identities that were signed "
        "for this service, and can forge none for another. Keep it as secret as a password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="The service's name, as it is registered.")

    def handle(self, *, name: str, **options: Any) -> None:
        with use_tenant(PLATFORM):
            names = sorted(Service.objects.values_list("name", flat=True))
        if name not in names:
            known = f"There are {', '.join(names)}." if names else "None is registered yet."
            raise CommandError(
                f"No service {name!r} is registered. {known} Register it in the operator's admin under Services."
            )
        self.stdout.write(service_key(name).hex())
