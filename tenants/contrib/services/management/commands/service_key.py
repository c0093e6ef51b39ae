"""`manage.py service_key NAME`: the key with which a service verifies signed identities."""

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
        "Prints the key of a service of another code base, in hexadecimal. It verifies identities signed for this "
        "service, and can sign none for another. Keep it secret, like a password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Name of the registered service.")

    def handle(self, *, name: str, **options: Any) -> None:
        with use_tenant(PLATFORM):
            names = sorted(Service.objects.values_list("name", flat=True))
        if name not in names:
            known = f"Registered: {', '.join(names)}." if names else "None is registered yet."
            raise CommandError(f"Service {name!r} not found. {known} Register it in the platform admin under Services.")
        self.stdout.write(service_key(name).hex())
