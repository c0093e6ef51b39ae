"""`manage.py reset_second_factor SLUG --user NAME`: turns off two-factor authentication of a user."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from tenants.context import PLATFORM, use_tenant
from tenants.contrib.accounts.otp import disable
from tenants.lifecycle import audit
from tenants.management.base import TenantCommand
from tenants.registry.lookup import tenant_by_slug


class Command(TenantCommand):
    help = "Turn off two-factor authentication of a user who lost the phone and the recovery codes. The password stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument("slug", metavar="SLUG", nargs="?", help="Slug of the user's shop.")
        place.add_argument("--platform", action="store_true", help="Instead of SLUG: an operator of the platform.")
        parser.add_argument("--user", metavar="NAME", required=True, help="User name.")

    def handle(self, *, slug: str | None, platform: bool, user: str, **options: Any) -> None:
        tenant = PLATFORM if platform or slug is None else tenant_by_slug(slug)
        users: Any = get_user_model()
        with use_tenant(tenant):
            found = users._default_manager.filter(**{users.USERNAME_FIELD: user}).first()
            if found is None:
                raise CommandError(f"User not found: {user!r} at {tenant}.")
            if not disable(found):
                raise CommandError(f"Two-factor authentication is already off for {user!r} at {tenant}.")
            audit.record("reset_second_factor", tenant, user=user)
        self.success(f"Two-factor authentication is off for {user} at {tenant}.")
