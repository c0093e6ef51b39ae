"""Cursor: statements of every kind are sent with the tenant's settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext

from tenants import PLATFORM, NoActiveTenant, TenantInfo, use_tenant
from tenants.postgresql.base import DatabaseWrapper
from tenants.registry.lookup import tenant_by_slug

WHERE = "SELECT current_schema(), current_user"
Row = Callable[..., tuple[Any, ...]]


def test_without_a_tenant_every_query_is_refused(db: None, sql_row: Row) -> None:
    with pytest.raises(NoActiveTenant, match="run_in_tenant"):
        sql_row("SELECT 1")
    with pytest.raises(NoActiveTenant, match=r"auth\.User"):
        User.objects.count()


def test_who_is_told_of_a_connection_may_ask_with_and_without_a_tenant(committed: None, sql_row: Row) -> None:
    acme, answers = tenant_by_slug("acme"), []

    def ask(connection: DatabaseWrapper, **_: object) -> None:
        answers.append(sql_row(WHERE)[0])

    connection_created.connect(ask)
    try:
        for activity in (nullcontext(), use_tenant(acme)):
            connection.close()
            with activity:
                connection.ensure_connection()
    finally:
        connection_created.disconnect(ask)
    assert answers == ["public", acme.schema]
    with pytest.raises(NoActiveTenant):
        sql_row("SELECT 1")


def test_a_statement_runs_in_its_schema_with_its_role(acme: TenantInfo, globex: TenantInfo, sql_row: Row) -> None:
    for tenant in (acme, globex, acme):
        with use_tenant(tenant):
            assert sql_row(WHERE) == (tenant.schema, tenant.role)


def test_the_context_ends_with_its_block_by_an_exception_too(
    acme: TenantInfo, globex: TenantInfo, sql_row: Row
) -> None:
    with use_tenant(acme):
        with pytest.raises(KeyError), use_tenant(globex):
            raise KeyError
        assert sql_row(WHERE) == (acme.schema, acme.role)


def test_another_tenants_table_is_permission_denied_by_its_full_name(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme), connection.cursor() as cursor:
        for table in (f"{globex.schema}.auth_user", "public.tenants_tenant", "public.auth_user"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute(f"SELECT * FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x (i int)",
        "DROP TABLE goods_goods",
        "TRUNCATE goods_goods CASCADE",
        "ALTER TABLE auth_user ADD x int",
    ],
)
def test_a_tenants_role_changes_no_table(acme: TenantInfo, statement: str) -> None:
    with use_tenant(acme), connection.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="permission denied|must be owner"), transaction.atomic():
            cursor.execute(statement)


def test_after_a_savepoint_rollback_the_tenant_is_sent_again(
    acme: TenantInfo, globex: TenantInfo, sql_row: Row
) -> None:
    with use_tenant(acme), transaction.atomic():
        assert sql_row(WHERE)[0] == acme.schema
        with pytest.raises(KeyError), transaction.atomic(), use_tenant(globex):
            assert sql_row(WHERE)[0] == globex.schema
            raise KeyError
        assert sql_row(WHERE)[0] == acme.schema
        with use_tenant(globex):
            assert sql_row(WHERE)[0] == globex.schema
            with pytest.raises(DatabaseError), transaction.atomic(), use_tenant(acme):
                sql_row("SELECT 1/0")
            assert sql_row(WHERE)[0] == globex.schema


@pytest.mark.parametrize(
    "statement", ["SET search_path = pg_catalog", "RESET ROLE", "SET LOCAL ROLE NONE", "DO 'BEGIN END'"]
)
def test_foreign_settings_do_not_outlive_their_statement(acme: TenantInfo, sql_row: Row, statement: str) -> None:
    with use_tenant(acme), transaction.atomic(), connection.cursor() as cursor:
        sql_row(WHERE)
        cursor.execute("SAVEPOINT before")
        cursor.execute(statement)
        assert sql_row(WHERE) == (acme.schema, acme.role)


def test_queries_logged_by_django_show_the_statement_alone(acme: TenantInfo, sql_row: Row) -> None:
    with use_tenant(acme), CaptureQueriesContext(connection) as queries:
        sql_row("SELECT %s", [7])
    assert [query["sql"] for query in queries] == ["SELECT 7"]


def test_an_errors_quoted_line_shows_the_statement_alone(acme: TenantInfo, sql_row: Row) -> None:
    with use_tenant(acme), pytest.raises(ProgrammingError) as caught, transaction.atomic():
        sql_row("SELECT nope")
    assert "SELECT nope" in str(caught.value)
    assert "search_path" not in str(caught.value)


def test_executemany_copy_stream_and_named_cursors_are_the_tenants(acme: TenantInfo, globex: TenantInfo) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant), connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO auth_group (name) VALUES (%s)", [[f"many-{tenant.slug}-{i}"] for i in range(3)]
            )
            assert cursor.rowcount == 3
            with cursor.copy("COPY auth_group (name) FROM STDIN") as copy:
                copy.write_row([f"copied-{tenant.slug}"])
    for tenant in (acme, globex):
        with use_tenant(tenant), connection.cursor() as cursor:
            query = "SELECT name FROM auth_group WHERE name LIKE '%-%' ORDER BY id"
            names = [f"many-{tenant.slug}-{i}" for i in range(3)] + [f"copied-{tenant.slug}"]
            assert [name for (name,) in cursor.stream(query)] == names
            with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
                assert [row[0] for row in copy.rows()] == names
            with connection.chunked_cursor() as chunked:
                chunked.execute(query)
                assert [name for (name,) in chunked.fetchall()] == names


def test_iterator_gives_the_tenants_rows_outside_a_transaction_too(
    committed: None, sql_row: Row, django_user_model: Any
) -> None:
    from tenants.registry.lookup import tenant_by_slug

    for slug in ("acme", "globex"):
        with use_tenant(tenant_by_slug(slug)):
            assert [user.email for user in User.objects.iterator(chunk_size=1)] == [f"owner@{slug}.example"]


def test_on_commit_hooks_run_as_the_tenant_that_registered_them(committed: None, sql_row: Row) -> None:
    from tenants.registry.lookup import tenant_by_slug

    acme, globex = tenant_by_slug("acme"), tenant_by_slug("globex")
    seen: list[str] = []
    with use_tenant(acme), transaction.atomic(), use_tenant(globex):
        transaction.on_commit(lambda: seen.append(sql_row(WHERE)[0]))
    assert seen == [globex.schema]


def test_statement_that_refuses_transactions_runs_on_a_second_connection(committed: None, sql_row: Row) -> None:
    from tenants.registry.lookup import tenant_by_slug

    acme = tenant_by_slug("acme")
    with use_tenant(acme.as_owner()), connection.cursor() as cursor:
        cursor.execute("CREATE INDEX CONCURRENTLY by_email ON auth_user (email)")
        try:
            assert sql_row("SELECT schemaname FROM pg_indexes WHERE indexname = 'by_email'") == (acme.schema,)
            cursor.execute("VACUUM auth_user")
        finally:
            cursor.execute("DROP INDEX CONCURRENTLY by_email")
    with use_tenant(acme):
        assert sql_row(WHERE) == (acme.schema, acme.role)


def test_a_dead_connection_is_replaced_and_the_tenant_stays(committed: None, sql_row: Row) -> None:
    from tenants.registry.lookup import tenant_by_slug

    acme = tenant_by_slug("acme")
    with use_tenant(acme):
        (pid,) = sql_row("SELECT pg_backend_pid()")
        with connection.connect_directly() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(DatabaseError):
            for _ in range(100):
                sql_row("SELECT pg_sleep(0.01)")
        connection.close()
        assert sql_row(WHERE) == (acme.schema, acme.role)


def test_a_raw_driver_cursor_finds_no_tables(committed: None, sql_row: Row) -> None:
    with use_tenant(PLATFORM):
        sql_row("SELECT 1")
    with pytest.raises(Exception, match="does not exist"):
        connection.connection.execute("SELECT * FROM auth_user")
