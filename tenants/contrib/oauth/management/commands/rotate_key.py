"""`manage.py rotate_key SLUG`: replaces the signing key of a tenant."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.db import transaction

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.oauth.keys import rotate_key
from tenants.lifecycle import audit
from tenants.management.base import OneTenantCommand
from tenants.management.selection import selected_tenant


class Command(OneTenantCommand):
    help = "Replaces the signing key of a tenant. Issued tokens stay valid until they expire."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--at-once", action="store_true", help="Delete the former keys, which invalidates all tokens."
        )

    def handle(self, *, slug: str, at_once: bool, **options: Any) -> None:
        tenant = selected_tenant(slug)
        with use_tenant(PLATFORM), transaction.atomic():
            with use_tenant(tenant):
                kid = rotate_key(at_once=at_once)
            audit.record("rotate_key", tenant, kid=kid, at_once=at_once)
        self.success(f"Tokens of {slug} are now signed with the key {kid}.")
