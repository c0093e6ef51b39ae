"""Faults of other engines that no other test covers; docs/security.md has the whole table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.test import Client

from tenants import PLATFORM, TenantInfo, WrongSchema, use_tenant
from tenants.conf import tenancy
from tenants.errors import InvalidName, TenantExists
from tenants.lifecycle import TenantSpec, create_tenant, delete_tenant, purge_tenant
from tenants.models import Tenant
from tenants.registry.lookup import tenant_by_slug

OpenShop = Callable[..., TenantInfo]
SqlRow = Callable[..., tuple[Any, ...]]


def catalog(sql_row: SqlRow) -> tuple[Any, ...]:
    with use_tenant(PLATFORM):
        return sql_row(
            "SELECT (SELECT count(*) FROM pg_class), (SELECT array_agg(nspname ORDER BY 1) FROM pg_namespace)"
        )


@pytest.mark.parametrize("slug", ["order", "user", "end", "table", "select", "1", "limit"])
def test_a_tenant_named_like_sql_or_a_number_has_its_own_rows(open_shop: OpenShop, slug: str) -> None:
    tenant = open_shop(slug=slug, owner_email=f"owner@{slug}.example")
    with use_tenant(tenant_by_slug(slug)):
        assert [user.email for user in User.objects.all()] == [f"owner@{slug}.example"]
    assert tenant.schema == f"t_{tenant.id}"


@pytest.mark.parametrize(
    "slug",
    [
        "Acme",
        "ACME",
        "z';CREATE TABLE public.pwned (x int)--",
        'q"; CREATE TABLE public.pwned (x int); --',
        "../../etc",
        "a/../b",
        "é" * 63,
        "public",
        "pg_temp",
        "information_schema",
        "a::1:b",
    ],
)
def test_an_odd_name_makes_no_tenant_and_nothing_in_the_catalog(db: None, sql_row: SqlRow, slug: str) -> None:
    before = catalog(sql_row)
    with pytest.raises(InvalidName):
        create_tenant(TenantSpec(slug=slug))
    assert catalog(sql_row) == before


def test_a_statement_whose_settings_fail_does_not_run(acme: TenantInfo) -> None:
    """A role that is not there, a schema that is not there: the statement in the same message is not executed."""
    for broken in (replace(acme, role="no_such_role"), replace(acme, schema="t_0")):
        with use_tenant(broken), pytest.raises(DatabaseError), transaction.atomic():
            Group.objects.create(name="half")
    with use_tenant(acme):
        assert not Group.objects.filter(name="half").exists()
    with use_tenant(PLATFORM):
        assert not Group.objects.filter(name="half").exists()


def test_who_signs_up_under_the_name_of_a_purged_tenant_finds_nothing_of_it(open_shop: OpenShop) -> None:
    first = open_shop(slug="again")
    with use_tenant(first):
        Group.objects.create(name="a secret of the first")
    delete_tenant("again")
    with pytest.raises(TenantExists):
        create_tenant(TenantSpec(slug="again"))
    purge_tenant("again")
    second = open_shop(slug="again")
    assert second.schema != first.schema
    with use_tenant(second):
        assert not Group.objects.filter(name="a secret of the first").exists()
    with use_tenant(first), pytest.raises(DatabaseError), transaction.atomic():
        Group.objects.exists()


def test_the_control_plane_inside_a_tenants_block_does_not_stay_in_reach(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        with use_tenant(PLATFORM), use_tenant(globex), use_tenant(PLATFORM):
            assert Tenant.objects.exists()
        with pytest.raises(WrongSchema):
            Tenant.objects.exists()
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM tenants_tenant")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schemas(false)")
            assert cursor.fetchone() == ([acme.schema, tenancy().extension_schema],)


def test_a_shops_superuser_cannot_reach_the_control_plane(
    acme: TenantInfo, client_of: Callable[[TenantInfo], Client]
) -> None:
    client = client_of(acme)
    with use_tenant(acme):
        client.force_login(User.objects.get(email="owner@acme.example"), "django.contrib.auth.backends.ModelBackend")
    for name in ("tenant", "domain", "operation", "auditevent", "service"):
        assert client.get(f"/admin/tenants/{name}/").status_code == 404
    with use_tenant(acme), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Tenant.objects.using("default").raw("SELECT 1 AS id FROM public.tenants_domain")[0]


def test_a_session_of_the_server_does_not_live_for_ever(committed: None) -> None:
    """PostgreSQL keeps what it learned of each table that a session has touched: one that touched many is replaced."""
    connection.ensure_connection()
    pool = connection.pool  # type: ignore[attr-defined]
    assert 0 < pool.max_lifetime <= 3600
