"""Fixtures for all tests: a building with three shops, on real PostgreSQL.

`acme`, `globex` and `initech` are committed once per session; a test that uses them runs in a transaction that is
rolled back. What needs committed rows (threads, servers, other processes) takes `open_shop`, which opens shops of
its own and takes them away afterwards.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle import NewTenant, create_tenant, purge_tenant
from tenants.listener import listener
from tenants.registry import registry

CAST = {
    "acme": NewTenant(slug="acme", name="Acme", owner_email="owner@acme.example", currency="USD"),
    "globex": NewTenant(slug="globex", name="Globex", owner_email="owner@globex.example", currency="EUR"),
    "initech": NewTenant(slug="initech", name="이니텍", owner_email="owner@initech.example", language="ko"),
}


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: Any
) -> Iterator[None]:
    """Make the test database and open the three shops in it, once for all tests.

    In the place of pytest-django's own fixture, which makes no database for tests that commit (`committed` below).
    """
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"}, serialized_aliases=set())
        for order in CAST.values():
            create_tenant(order)
        connections.close_all()
    yield
    listener.stop()
    database = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)
        _drop_roles_of(database)
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)


def _drop_roles_of(database: str) -> None:
    """Roles belong to the whole server, and stay when their database is dropped."""
    with psycopg.connect(**connection.get_connection_params() | {"dbname": "postgres"}, autocommit=True) as server:
        roles = server.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{database}\\_t\\_%"]).fetchall()
        for (role,) in roles:
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture(autouse=True)
def _forget_lookups() -> Iterator[None]:
    """Let no test believe what the registry learned in another's rolled-back transaction."""
    yield
    registry.clear()


def _tenant(slug: str) -> TenantInfo:
    found = registry.look_up(f"slug:{slug}")
    assert found is not None
    return found


@pytest.fixture
def acme(db: None) -> TenantInfo:
    return _tenant("acme")


@pytest.fixture
def globex(db: None) -> TenantInfo:
    return _tenant("globex")


@pytest.fixture
def initech(db: None) -> TenantInfo:
    return _tenant("initech")


@pytest.fixture
def platform(db: None) -> TenantInfo:
    return PLATFORM


@pytest.fixture
def client_of() -> Callable[[TenantInfo], Client]:
    """Return a function that gives a browser-like client at a tenant's host."""

    def client(tenant: TenantInfo) -> Client:
        return Client(HTTP_HOST=tenant.host or "localhost")

    return client


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let the test write for good, seen by every thread and process; it has to clean up after itself."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


_numbers = count(1)


@pytest.fixture
def open_shop(committed: None) -> Iterator[Callable[..., TenantInfo]]:
    """Return a function that opens a committed shop; all of them are taken away after the test."""
    opened: list[TenantInfo] = []

    def shop(slug: str = "", **order: Any) -> TenantInfo:
        opened.append(create_tenant(NewTenant(slug=slug or f"shop-{next(_numbers)}", **order)))
        return opened[-1]

    yield shop
    for tenant in opened:
        _take_away(tenant)


def _take_away(tenant: TenantInfo) -> None:
    from tenants.models import Tenant

    with use_tenant(PLATFORM):
        Tenant.objects.filter(pk=tenant.id).update(status=Tenant.Status.DELETED)
        slug = Tenant.objects.filter(pk=tenant.id).values_list("slug", flat=True).first()
    if slug is not None:
        purge_tenant(slug)


@pytest.fixture
def take_away() -> Callable[[TenantInfo], None]:
    """Return what takes a committed shop away that a test made otherwise than with `open_shop`."""
    return _take_away


@pytest.fixture
def live_tenant(open_shop: Callable[..., TenantInfo]) -> TenantInfo:
    """One committed shop, for tests with threads."""
    return open_shop()


@pytest.fixture
def sql_row() -> Callable[..., tuple[Any, ...]]:
    """Return a function that runs one statement on the default connection and gives its first row."""

    def row(statement: str, params: Any = None) -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return cursor.fetchone()

    return row
