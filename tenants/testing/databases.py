"""A database for tests, with tenants in it, that is taken away with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import NewTenant, create_tenant
from tenants.models import Tenant
from tenants.postgresql.creation import DatabaseCreation
from tenants.testing.initial_rows import forget_rows, keep_rows, take_away

__all__ = ["open_missing", "take_away", "test_database"]


@contextmanager
def test_database(orders: Sequence[NewTenant], *, reuse: bool) -> Iterator[None]:
    """Make the test database that Django's settings name, open the tenants in it, and drop it at the end.

    `reuse` keeps it, and the tenants, for the next run; what was migrated since is migrated in them too.
    """
    connections.close_all()
    made = setup_databases(
        verbosity=0, interactive=False, keepdb=reuse, aliases={"default": None}, serialized_aliases=set()
    )
    try:
        open_missing(orders)
        if orders:
            keep_rows()
        connections.close_all()
        yield
    finally:
        forget_rows()
        for leave in DatabaseCreation.before_drop:
            leave()
        connections.close_all()
        teardown_databases(made, verbosity=0, keepdb=reuse)


test_database.__test__ = False  # type: ignore[attr-defined]  # its name is no test's


def open_missing(orders: Sequence[NewTenant]) -> None:
    """Open those of the tenants that are not there, and migrate those that are."""
    with use_tenant(PLATFORM):
        there = set(Tenant.objects.values_list("slug", flat=True))
    if there:
        call_command("migrate_tenants", verbosity=0)
    for order in orders:
        if order.slug not in there:
            create_tenant(order)
