"""psycopg's transactions, pipelines and texts that end a transaction do not change the tenant of later statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, InternalError, NotSupportedError, connection, transaction

from tenants import TenantInfo, use_tenant
from tenants.postgresql.sql_text import SelfContainedScript, effects_of, with_settings_after_ends
from tenants.registry.lookup import tenant_by_slug

WHERE = "SELECT current_schema(), current_user"
Row = Callable[..., tuple[Any, ...]]
Pair = tuple[TenantInfo, TenantInfo]


@pytest.fixture
def pair(committed: None) -> Iterator[Pair]:
    yield tenant_by_slug("acme"), tenant_by_slug("globex")
    connection.close()


def place(tenant: TenantInfo) -> tuple[str, str]:
    return tenant.schema, tenant.role


def test_a_savepoint_of_psycopg_that_rolls_back_is_noticed(pair: Pair, sql_row: Row) -> None:
    """The rollback to a savepoint restores earlier settings."""
    acme, globex = pair
    with use_tenant(acme), transaction.atomic():
        assert sql_row(WHERE) == place(acme)
        with use_tenant(globex):
            with pytest.raises(KeyError), connection.connection.transaction():
                assert sql_row(WHERE) == place(globex)
                raise KeyError
            assert sql_row(WHERE) == place(globex)
            Group.objects.create(name="of globex")
            assert Group.objects.filter(name="of globex").exists()
        assert not Group.objects.filter(name="of globex").exists()
        transaction.set_rollback(True)


def test_transactions_of_psycopg_in_succession_are_each_told_the_tenant(pair: Pair, sql_row: Row) -> None:
    """The second statement ran as the login role, with an empty search path."""
    for tenant in (*pair, pair[1], pair[1]):
        with use_tenant(tenant), connection.connection.transaction() if connection.connection else transaction.atomic():
            assert sql_row(WHERE) == place(tenant)
            assert sql_row(WHERE) == place(tenant)


@pytest.mark.parametrize("how", ["rollback", "commit", "a statement", "libpq's COMMIT by a driver's cursor"])
def test_an_end_by_the_driver_is_noticed(pair: Pair, sql_row: Row, how: str) -> None:
    """Commit, rollback and psycopg's cursors end transactions as well."""
    with use_tenant(pair[0]):
        sql_row(WHERE)
        connection.set_autocommit(False)
        try:
            assert sql_row(WHERE) == place(pair[0])
            driver = connection.connection
            if how == "a statement":
                driver.execute("SET LOCAL ROLE NONE; SET LOCAL search_path = pg_catalog")
            elif how.startswith("libpq"):
                driver.execute("COMMIT")
                driver.execute("SELECT 1")
            else:
                getattr(driver, how)()
                driver.execute("SELECT 1")
            assert sql_row(WHERE) == place(pair[0])
        finally:
            connection.rollback()
            connection.set_autocommit(True)


@pytest.mark.parametrize("in_transaction", [True, False])
def test_statements_in_a_pipeline_are_each_their_tenants(pair: Pair, sql_row: Row, in_transaction: bool) -> None:
    """Each setting is a message before each statement."""
    acme, globex = pair
    with use_tenant(acme):
        sql_row(WHERE)
        cursors = []
        with transaction.atomic() if in_transaction else connection.connection.transaction():
            with connection.connection.pipeline() as pipeline:
                for tenant in (acme, globex, globex, acme):
                    with use_tenant(tenant):
                        cursors.append((tenant, connection.cursor()))
                        cursors[-1][1].execute(WHERE)
                        if tenant is globex:
                            pipeline.sync()
                with connection.cursor() as cursor:
                    cursor.executemany("INSERT INTO auth_group (name) VALUES (%s)", [["one"], ["two"]])
            for tenant, cursor in cursors:
                assert cursor.fetchone() == place(tenant)
            assert Group.objects.filter(name__in=["one", "two"]).count() == 2
            with use_tenant(globex):
                assert not Group.objects.filter(name__in=["one", "two"]).exists()
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM auth_group WHERE name IN ('one', 'two')")
                assert cursor.rowcount == 2
        assert sql_row(WHERE) == place(acme)


def test_a_pipeline_outside_a_transaction_is_its_tenants(pair: Pair, sql_row: Row) -> None:
    """Without a transaction, each part up to a sync is one."""
    with use_tenant(pair[0]):
        sql_row(WHERE)
        with connection.connection.pipeline() as pipeline:
            cursors = []
            for tenant in (*pair, *pair):
                with use_tenant(tenant):
                    cursors.append((tenant, connection.cursor()))
                    cursors[-1][1].execute(WHERE)
                pipeline.sync()
            for tenant, cursor in cursors:
                assert cursor.fetchone() == place(tenant)
        assert sql_row(WHERE) == place(pair[0])


def test_an_error_in_a_pipeline_is_raised_and_leaves_the_next_tenant_alone(pair: Pair, sql_row: Row) -> None:
    """An aborted pipeline changes nothing."""
    acme, globex = pair
    with use_tenant(acme):
        sql_row(WHERE)
        with (
            pytest.raises((DatabaseError, psycopg.Error)),
            connection.connection.pipeline(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT 1/0")
            cursor.execute(WHERE)
        with use_tenant(globex):
            assert sql_row(WHERE) == place(globex)


MAKE_PROCEDURE = """
CREATE PROCEDURE in_two(INOUT seen text) LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO auth_group (name) VALUES ('first'); COMMIT;
    INSERT INTO auth_group (name) VALUES ('second'); ROLLBACK;
    seen := current_schema();
END $$"""


def test_a_procedure_that_commits_works_outside_transactions_alone(pair: Pair, sql_row: Row) -> None:
    """PostgreSQL reported `invalid transaction termination`."""
    acme, _ = pair
    with use_tenant(acme.as_owner()), connection.cursor() as cursor:
        cursor.execute(MAKE_PROCEDURE)
        try:
            assert sql_row("CALL in_two('')") == (acme.schema,)
            assert list(Group.objects.filter(name__in=["first", "second"]).values_list("name", flat=True)) == ["first"]
            cursor.execute("DO $$ BEGIN DELETE FROM auth_group WHERE name = 'first'; COMMIT; END $$")
            assert not Group.objects.filter(name="first").exists()
            with pytest.raises(InternalError, match=r"outside transaction\.atomic\(\)"), transaction.atomic():
                cursor.execute("CALL in_two('')")
        finally:
            cursor.execute("DROP PROCEDURE in_two")
            cursor.execute("DELETE FROM auth_group WHERE name = 'first'")
    with use_tenant(acme):
        assert sql_row(WHERE) == place(acme)


@pytest.mark.parametrize("end", ["COMMIT", "rollback", "END", "ABORT -- so;\n", "COMMIT /* ; */ AND NO CHAIN"])
def test_a_statement_behind_an_end_in_one_text_is_the_tenants(pair: Pair, sql_row: Row, end: str) -> None:
    """Behind the COMMIT the search path was empty and no role was set."""
    acme, globex = pair
    for tenant in (acme, globex):
        with use_tenant(tenant), connection.cursor() as cursor:
            cursor.execute(f"SELECT 1; {end}; {WHERE}; SELECT ';', $$;COMMIT;$$")
            assert cursor.fetchone() == (1,)
            assert cursor.nextset()
            assert cursor.nextset()
            assert cursor.fetchone() == place(tenant)
            assert cursor.nextset()
            assert cursor.fetchone() == (";", ";COMMIT;")
            assert not cursor.nextset()
            assert sql_row(WHERE) == place(tenant)


@pytest.mark.parametrize("end", ["ROLLBACK", "ROLLBACK; BEGIN", "ABORT AND CHAIN"])
def test_a_statement_behind_the_end_of_a_failed_transaction_is_the_tenants(pair: Pair, sql_row: Row, end: str) -> None:
    """After the end of an aborted transaction the statement ran as the login, with an empty search path."""
    acme, globex = pair
    with connection.cursor() as cursor:
        with use_tenant(acme):
            cursor.execute("BEGIN")
            with pytest.raises(DatabaseError):
                cursor.execute("SELECT 1/0")
        with use_tenant(globex):
            cursor.execute(f"{end}; {WHERE}")
            while not cursor.description:
                assert cursor.nextset()
            assert cursor.fetchone() == place(globex)
            assert not cursor.nextset()
            assert sql_row(WHERE) == place(globex)
            cursor.execute("ROLLBACK")


def test_texts_are_taken_apart_at_the_ends_of_transactions_alone() -> None:
    """Text that only looks like an end, for example in a string, is not split."""
    for text in (
        "DO $$ BEGIN DELETE FROM t; COMMIT; END $$; SELECT 1",
        "SELECT ';COMMIT;'; SELECT 1",
        "COMMIT",
        "COMMIT; -- and no more",
        "CREATE PROCEDURE p() AS $x$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $x$ LANGUAGE plpgsql; SELECT 1",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
        'SELECT 1 AS "a;commit;b"; SELECT 2',
        "SELECT E'\\';COMMIT;'; SELECT 2",
        "SELECT CASE WHEN true THEN 1 END; SELECT 2",
    ):
        assert with_settings_after_ends(text, "S;") == text
    assert (
        with_settings_after_ends("BEGIN; x; COMMIT; BEGIN; y; END;z", "S;") == "BEGIN; x; COMMIT;S; BEGIN; y; END;S;z"
    )
    assert effects_of("SELECT 1; COMMIT; SELECT 2").ends
    assert not effects_of(SelfContainedScript("SELECT 1; COMMIT; SELECT 2")).ends


@pytest.mark.parametrize("text", ["-- nothing", "/* nothing */", "", ";"])
def test_a_text_without_a_statement_has_no_status(pair: Pair, text: str) -> None:
    """A text of comments had the status SET."""
    with use_tenant(pair[0]), connection.cursor() as cursor:
        cursor.execute(text)
        assert cursor.statusmessage is None
        assert cursor.description is None
        cursor.execute("UPDATE auth_group SET name = name WHERE false")
        assert cursor.statusmessage == "UPDATE 0"


def test_set_config_in_a_select_is_noticed(pair: Pair, sql_row: Row) -> None:
    """The command tag of a SELECT does not tell."""
    acme, _ = pair
    with use_tenant(acme), transaction.atomic():
        for name, value in (("search_path", "pg_catalog"), ("role", "none")):
            sql_row("SELECT SET_CONFIG(%s, %s, true)", [name, value])
            assert sql_row(WHERE) == place(acme)


def test_the_orm_works_in_a_pipeline(pair: Pair) -> None:
    """Rows are inserted, read and deleted in the order of the statements, in one transaction."""
    acme, globex = pair
    with use_tenant(acme), transaction.atomic():
        connection.ensure_connection()
        with connection.connection.pipeline():
            made = Group.objects.create(name="in a pipeline")
            with use_tenant(globex):
                assert not Group.objects.filter(name="in a pipeline").exists()
            assert Group.objects.get(pk=made.pk).name == "in a pipeline"
            with pytest.raises(NotSupportedError, match="pipeline"):
                list(Group.objects.iterator())
        transaction.set_rollback(True)


def test_callproc_that_changes_a_setting_is_noticed(pair: Pair, sql_row: Row) -> None:
    """`callproc` quotes the name of the function."""
    with use_tenant(pair[0]), transaction.atomic(), connection.cursor() as cursor:
        sql_row(WHERE)
        cursor.callproc("set_config", ["search_path", "pg_catalog", True])
        assert sql_row(WHERE) == place(pair[0])


def test_a_lost_connection_is_replaced_outside_transactions(pair: Pair, sql_row: Row) -> None:
    """The next tenant's statement on that thread works, also without the end of a request before it."""
    acme, globex = pair
    for block in (nullcontext(), transaction.atomic()):
        with use_tenant(acme), pytest.raises(DatabaseError), block:
            (pid,) = sql_row("SELECT pg_backend_pid()")
            with connection.connect_directly() as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            sql_row("SELECT 1")
        with use_tenant(globex):
            assert sql_row(WHERE) == place(globex)
