"""Selection of tenants by command-line arguments."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from django.core.management.base import CommandError

from tenants.context import TenantInfo, active_tenant
from tenants.errors import NoActiveTenant
from tenants.management.error_messages import explanation
from tenants.registry.tenant_info import all_tenants


def add_selection(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--tenant", action="append", default=[], metavar="SLUG", help="Only this tenant; can be repeated."
    )


def existing_slugs(slugs: Sequence[str]) -> Sequence[str]:
    """Return `slugs`; raise `CommandError` for an unknown one."""
    found = {tenant.slug for tenant in all_tenants(slug__in=slugs)} if slugs else set()
    missing = [slug for slug in slugs if slug not in found]
    if missing:
        raise CommandError(f"Unknown tenant: {', '.join(map(repr, missing))}. `manage.py list_tenants` shows all.")
    return slugs


def selected_tenant(slug: str) -> TenantInfo:
    """Return the tenant of `slug`; raise `CommandError` if it does not exist."""
    existing_slugs([slug])
    return all_tenants(slug=slug)[0]


def require_tenant(command: str) -> None:
    """Raise `CommandError` if neither a tenant nor the control plane is active."""
    if active_tenant() is None:
        raise CommandError(str(explanation(NoActiveTenant(), command)))
