"""`manage.py suspend_tenant SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from tenants.errors import TenancyError
from tenants.lifecycle import suspend_tenant


class Command(BaseCommand):
    help = "Closes a shop: its addresses answer 503 until it is resumed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")

    def handle(self, *, slug: str, **options: object) -> None:
        try:
            tenant = suspend_tenant(slug)
        except TenancyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(self.style.SUCCESS(f"{tenant.name} ({tenant.slug}) is {tenant.status}."))
