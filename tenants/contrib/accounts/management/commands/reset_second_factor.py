"""`manage.py reset_second_factor SLUG --user NAME`: takes a lost second factor away."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.accounts.otp import take_away
from tenants.lifecycle import audit
from tenants.management.base import TenantCommand
from tenants.registry.lookup import tenant_by_slug


class Command(TenantCommand):
    help = "Takes the second factor of somebody away who has lost phone and recovery codes; the password stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument("slug", metavar="SLUG", nargs="?", help="The shop whose user it is.")
        place.add_argument("--platform", action="store_true", help="An operator.")
        parser.add_argument("--user", metavar="NAME", required=True, help="With which they sign in.")

    def handle(self, *, slug: str | None, platform: bool, user: str, **options: Any) -> None:
        tenant = PLATFORM if platform or slug is None else tenant_by_slug(slug)
        users: Any = get_user_model()
        with use_tenant(tenant):
            found = users._default_manager.filter(**{users.USERNAME_FIELD: user}).first()
            if found is None:
                raise CommandError(f"Nobody signs in as {user!r} at {tenant}.")
            if not take_away(found):
                raise CommandError(f"{user!r} has no second factor at {tenant}.")
            audit.record("reset_second_factor", tenant, user=user)
        self.stdout.write(self.style.SUCCESS(f"{user} signs in at {tenant} with the password alone now."))
