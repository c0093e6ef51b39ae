"""Test database with tenants: created, reused and dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant
from tenants.lifecycle.users import tenants_have_users
from tenants.models import Tenant
from tenants.postgresql.creation import DatabaseCreation
from tenants.testing.initial_rows import discard_rows, drop_tenant, save_rows

__all__ = ["create_missing", "default_specs", "drop_tenant", "test_database"]


@contextmanager
def test_database(specs: Sequence[TenantSpec], *, reuse: bool) -> Iterator[None]:
    """Create the test database of Django's settings with these tenants, and drop it at the end.

    With `reuse` it and its tenants stay for the next run, which migrates them.
    """
    connections.close_all()
    created = setup_databases(
        verbosity=0, interactive=False, keepdb=reuse, aliases={"default": None}, serialized_aliases=set()
    )
    try:
        create_missing(specs)
        if specs:
            save_rows()
        connections.close_all()
        yield
    finally:
        discard_rows()
        for leave in DatabaseCreation.before_drop:
            leave()
        connections.close_all()
        teardown_databases(created, verbosity=0, keepdb=reuse)


test_database.__test__ = False  # type: ignore[attr-defined]  # pytest collects functions of this name


def default_specs() -> tuple[TenantSpec, TenantSpec]:
    """Return two tenants, with owners where a tenant's schema has users."""
    first, second = ("owner@first.example", "owner@second.example") if tenants_have_users() else ("", "")
    return (
        TenantSpec(slug="first", name="First", owner_email=first),
        TenantSpec(slug="second", name="Second", owner_email=second),
    )


def create_missing(specs: Sequence[TenantSpec]) -> None:
    """Create those of the tenants that do not exist, and migrate the others."""
    with use_tenant(PLATFORM):
        existing = set(Tenant.objects.values_list("slug", flat=True))
    if existing:
        call_command("migrate_tenants", verbosity=0)
    for spec in specs:
        if spec.slug not in existing:
            create_tenant(spec)
