"""Mixins for Django's own commands: run for the active tenant or for the control plane."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError

from tenants.context import PLATFORM, active_tenant, use_tenant
from tenants.isolation.app_placement import app_labels_for
from tenants.lifecycle.users import has_users
from tenants.management.error_messages import name_of
from tenants.management.selection import require_tenant

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand
else:
    BaseCommand = object  # the classes below are put before one of Django's commands


class OnOneSide(BaseCommand):
    """Runs for the active tenant; without one, for the control plane, with a note on standard error."""

    # Django would compare with the migrations of all apps, but each side has only some of them.
    requires_migrations_checks = False
    concerns_rows = True
    """Whether the result depends on the side, so that the note is needed."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        tenant = active_tenant()
        if tenant is not None:
            return super().execute(*args, **options)
        if self.concerns_rows and options.get("verbosity", 1):
            command = name_of(self)
            self.stderr.write(
                f"Control plane (schema public). For a tenant: manage.py run_in_tenant SLUG -- {command} …", str
            )
        with use_tenant(PLATFORM):
            return super().execute(*args, **options)


class OfATenant(BaseCommand):
    """Refused without an active tenant: Django would skip all tables and report success."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        require_tenant(name_of(self))
        return super().execute(*args, **options)


class OfUsers(OnOneSide):
    """Refused where there are no users: in the control plane or in the tenants, as the project has placed them."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        tenant = active_tenant() or PLATFORM
        with use_tenant(tenant):
            if not has_users():
                side, command = "SLUG" if tenant.is_platform else "--platform", name_of(self)
                raise CommandError(
                    f"{command} failed: {settings.AUTH_USER_MODEL} has no table in {_place(tenant.schema)}. "
                    f"Run: manage.py run_in_tenant {side} -- {command}"
                )
        return super().execute(*args, **options)


def require_apps_here(labels: Iterable[str], command: str) -> None:
    """Raise `CommandError` for an app that is not installed, or has no tables on this side."""
    tenant = active_tenant() or PLATFORM
    for label in labels:
        try:
            apps.get_app_config(label)
        except LookupError as error:
            raise CommandError(str(error)) from error
        if label not in app_labels_for(tenant):
            side = "SLUG" if tenant.is_platform else "--platform"
            raise CommandError(
                f"The app {label!r} has no tables in {_place(tenant.schema)}. "
                f"Run: manage.py run_in_tenant {side} -- {command} {label}"
            )


def _place(schema: str) -> str:
    return "the control plane" if schema == PLATFORM.schema else f"schema {schema}"
