"""`manage.py rotate_key SLUG`: another key signs a shop's tokens."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.oauth.keys import rotate_key
from tenants.lifecycle import audit
from tenants.management.base import TenantCommand
from tenants.management.selection import selected_tenant


class Command(TenantCommand):
    help = "Has another key sign a shop's tokens. Those that were given out stay good until they expire."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--at-once", action="store_true", help="Drop the former keys, and with them all tokens.")

    def handle(self, *, slug: str, at_once: bool, **options: Any) -> None:
        tenant = selected_tenant(slug)
        with use_tenant(PLATFORM), transaction.atomic():
            with use_tenant(tenant):
                kid = rotate_key(at_once=at_once)
            audit.record("rotate_key", tenant, kid=kid, at_once=at_once)
        self.stdout.write(self.style.SUCCESS(f"{kid} signs the tokens of {slug} now."))
