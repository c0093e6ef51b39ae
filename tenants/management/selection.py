"""Which tenants a command is for."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from django.core.management.base import CommandError

from tenants.context import TenantInfo
from tenants.registry import all_tenants


def add_selection(parser: ArgumentParser) -> None:
    """Add `--tenant SLUG`, which may be given more than once."""
    parser.add_argument(
        "--tenant", action="append", default=[], metavar="SLUG", help="Only this tenant; may be given again."
    )


def selected_tenants(slugs: Sequence[str]) -> list[TenantInfo]:
    """Return the tenants of `slugs`, or all of them for none; raise `CommandError` for a slug that nobody has."""
    if not slugs:
        return all_tenants()
    found = {tenant.slug: tenant for tenant in all_tenants(slug__in=slugs)}
    missing = [slug for slug in slugs if slug not in found]
    if missing:
        raise CommandError(f"There is no tenant {', '.join(map(repr, missing))}. See: manage.py list_tenants")
    return [found[slug] for slug in dict.fromkeys(slugs)]


def selected_tenant(slug: str) -> TenantInfo:
    """Return the tenant of `slug`; raise `CommandError` if there is none."""
    return selected_tenants([slug])[0]
