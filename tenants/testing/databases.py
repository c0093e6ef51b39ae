"""A database for tests, with tenants in it, that is taken away with all that belongs to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from tenants.api.usage import usage
from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import NewTenant, create_tenant, purge_tenant
from tenants.listener import listener
from tenants.models import Tenant
from tenants.names import role_name
from tenants.postgresql.direct import connect_directly
from tenants.registry import registry

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

logger = logging.getLogger(__name__)


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
        _open_missing(orders)
        connections.close_all()
        yield
    finally:
        listener.stop()
        usage.forget()  # else it is written into the database that the settings name again after the tests
        registry.clear()
        database = str(connection.settings_dict["NAME"])
        _wait_for_those_who_leave()
        teardown_databases(made, verbosity=0, keepdb=reuse)
        if not reuse:
            drop_roles_of(database)


_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def _wait_for_those_who_leave(seconds: float = 10.0) -> None:
    """Wait until nobody else is connected, and turn out who stays: PostgreSQL drops no database that is in use."""
    connections.close_all()
    connection.close_pool()  # type: ignore[attr-defined]  # missing in django-stubs
    deadline = time.monotonic() + seconds
    with connect_directly() as session:
        while session.execute(f"SELECT count(*) {_OTHERS}").fetchone() != (0,):
            if time.monotonic() > deadline:
                left = session.execute(f"SELECT pid, query, pg_terminate_backend(pid) {_OTHERS}").fetchall()
                logger.warning("A test has left sessions behind, which are ended now: %s", left)
                deadline += seconds
            time.sleep(0.05)


test_database.__test__ = False  # type: ignore[attr-defined]  # its name is no test's


def _open_missing(orders: Sequence[NewTenant]) -> None:
    with use_tenant(PLATFORM):
        there = set(Tenant.objects.values_list("slug", flat=True))
    if there:
        call_command("migrate_tenants", verbosity=0)
    for order in orders:
        if order.slug not in there:
            create_tenant(order)


def drop_roles_of(database: str) -> None:
    """Drop the roles of a database's tenants: they belong to the whole server, and stay when it is dropped."""
    prefix = role_name(database, 0).removesuffix("0")
    wrapper = cast("DatabaseWrapper", connection)
    with wrapper.connect_directly(dbname="postgres") as server:
        roles = server.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [prefix]).fetchall()
        for (role,) in roles:
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def take_away(tenant_id: int) -> None:
    """Purge a tenant of a test, whatever has become of it; one that is gone already is fine."""
    with use_tenant(PLATFORM):
        row = Tenant.objects.filter(pk=tenant_id)
        row.update(status=Tenant.Status.DELETED)
        slug = row.values_list("slug", flat=True).first()
    if slug is not None:
        purge_tenant(slug)
