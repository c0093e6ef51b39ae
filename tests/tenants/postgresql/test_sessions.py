"""Session state of statements (settings, locks, temporary tables) does not reach another tenant."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, close_old_connections, connection, transaction
from psycopg import Error as PsycopgError
from psycopg import IsolationLevel, RawCursor, RawServerCursor
from psycopg.rows import dict_row
from psycopg.sql import SQL

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.postgresql.psycopg_connection import DriverState
from tenants.registry.lookup import tenant_by_slug

Row = Callable[..., tuple[Any, ...]]
Pair = tuple[TenantInfo, TenantInfo]


@pytest.fixture(params=["pool", "kept"])
def pair(committed: None, request: Any) -> Iterator[Pair]:
    """Two tenants, on a pool of one connection, or on a persistent connection."""
    connection.close()
    connection.close_pool()
    settings, kept = connection.settings_dict, dict(connection.settings_dict)
    pool = {"min_size": 1, "max_size": 1} if request.param == "pool" else False
    connection.settings_dict = {
        **settings,
        "OPTIONS": {**settings["OPTIONS"], "pool": pool},
        "CONN_MAX_AGE": 0 if pool else None,
    }
    yield tenant_by_slug("acme"), tenant_by_slug("globex")
    connection.close()
    connection.close_pool()
    connection.settings_dict = kept


def end_of_request() -> None:
    close_old_connections()
    if connection.pool:
        connection.close()


LEFT = {
    "read only": ("SET default_transaction_read_only = on", "SHOW default_transaction_read_only", "off"),
    "a limit of time": ("SET SESSION statement_timeout = 1000", "SHOW statement_timeout", "0"),
    "by a function": ("SELECT set_config('lock_timeout', '77', false)", "SHOW lock_timeout", "0"),
    "time zone": ("SET TIME ZONE 'Asia/Seoul'", "SHOW TimeZone", "UTC"),
    "encoding": ("SET client_encoding = 'LATIN1'", "SHOW client_encoding", "UTF8"),
    "a setting of an app": ("SET app.shop = 'acme'", "SELECT coalesce(current_setting('app.shop', true), '')", ""),
    "a lock": (
        "SELECT pg_advisory_lock(7)",
        "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND objid = 7",
        "0",
    ),
    "a temporary table": (
        "CREATE TEMP TABLE auth_group (id int, name text)",
        "SELECT count(*)::text FROM pg_class WHERE relname = 'auth_group' AND relpersistence = 't'",
        "0",
    ),
    "a temporary table as": (
        "CREATE TEMPORARY TABLE left_over AS SELECT 1 AS one",
        "SELECT count(*)::text FROM pg_class WHERE relname = 'left_over'",
        "0",
    ),
    "a prepared statement": ("PREPARE kept AS SELECT 1", "SELECT count(*)::text FROM pg_prepared_statements", "0"),
    "listening": ("LISTEN news", "SELECT count(*)::text FROM pg_listening_channels()", "0"),
    "a held cursor": ("DECLARE kept CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*)::text FROM pg_cursors", "0"),
    "a block of code": (
        "DO $$ BEGIN PERFORM set_config('lock_timeout', '78', false); END $$",
        "SHOW lock_timeout",
        "0",
    ),
    "a view of settings": ("UPDATE pg_settings SET setting = 76 WHERE name = 'lock_timeout'", "SHOW lock_timeout", "0"),
    "words in a comment": ("SET lock_timeout = 75 -- and not SET LOCAL so", "SHOW lock_timeout", "0"),
    "a comment between": (
        "CREATE /* for now */ TEMP TABLE left_over (id int)",
        "SELECT count(*)::text FROM pg_class WHERE relname = 'left_over'",
        "0",
    ),
    "several at once": ("SET LOCAL lock_timeout = 1; SET lock_timeout = 79", "SHOW lock_timeout", "0"),
}


@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_session_state_does_not_reach_the_next_tenant(
    pair: Pair, sql_row: Row, what: str, in_transaction: bool
) -> None:
    """One tenant's session state is cleared before a request of another tenant."""
    acme, globex = pair
    leave, ask, clean = LEFT[what]
    with use_tenant(acme):
        (pid,) = sql_row("SELECT pg_backend_pid()")
        with connection.cursor() as cursor:
            if in_transaction:
                with transaction.atomic():
                    cursor.execute(leave)
            else:
                cursor.execute(leave)
        assert sql_row(ask) != (clean,)
    end_of_request()
    with use_tenant(globex):
        assert sql_row(ask) == (clean,)
        assert sql_row("SELECT pg_backend_pid()") == (pid,)
        assert sql_row("SELECT current_schema(), current_user") == (globex.schema, globex.role)
        with transaction.atomic():
            Group.objects.create(name="as ever")
            transaction.set_rollback(True)


LOCK_7 = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"
PREPARED = "SELECT count(*)::text FROM pg_prepared_statements"


def _execute(statement: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _many(statement: Any, *each: Any) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(statement, each)


def _driver() -> Any:
    connection.ensure_connection()
    return connection.connection


def _broken_off_stream() -> None:
    with connection.cursor() as cursor:
        next(cursor.cursor.stream("SELECT pg_advisory_lock(7) FROM generate_series(1, 3)"))


def _broken_off_copy() -> None:
    with connection.cursor() as cursor, cursor.copy("COPY (SELECT pg_advisory_lock(7)) TO STDOUT"):
        raise KeyError


OTHER_WAYS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a setting by the driver": (lambda: _driver().execute("SET lock_timeout = 77"), "SHOW lock_timeout", "0"),
    "a lock by the driver": (lambda: _driver().execute("SELECT pg_advisory_lock(7)"), LOCK_7, "0"),
    "a text that fails": (lambda: _execute("SELECT pg_advisory_lock(7); SELECT 1/0"), LOCK_7, "0"),
    "a block of code that fails": (
        lambda: _execute("DO $$ BEGIN PERFORM pg_advisory_lock(7); RAISE 'no'; END $$"),
        LOCK_7,
        "0",
    ),
    "prepared, then an error": (lambda: _execute("PREPARE kept AS SELECT 1; SELECT 1/0"), PREPARED, "0"),
    "prepared by the driver, then an error": (
        lambda: _driver().execute("PREPARE kept AS SELECT 1; SELECT 1/0"),
        PREPARED,
        "0",
    ),
    "committed, then an error": (
        lambda: _execute("SET lock_timeout = 77; COMMIT; SELECT 1/0"),
        "SHOW lock_timeout",
        "0",
    ),
    "many": (lambda: _many("SET lock_timeout = %s", (76,), (77,)), "SHOW lock_timeout", "0"),
    "many, composed": (lambda: _many(SQL("SELECT pg_advisory_lock(%s)"), (7,)), LOCK_7, "0"),
    "many that fail": (lambda: _many("SELECT pg_advisory_lock(7), 1 / %s", (1,), (0,)), LOCK_7, "0"),
    "a stream": (_broken_off_stream, LOCK_7, "0"),
    "a copy": (_broken_off_copy, LOCK_7, "0"),
}


@pytest.mark.parametrize("what", OTHER_WAYS)
@pytest.mark.parametrize("is_end_of_request", [False, True])
def test_state_left_by_other_ways_and_errors_is_cleared(
    pair: Pair, sql_row: Row, what: str, is_end_of_request: bool
) -> None:
    """Also by psycopg's cursors, by `executemany`, and by statements that failed or were not read to the end."""
    acme, globex = pair
    leave, question, clean = OTHER_WAYS[what]
    with use_tenant(acme):
        with suppress(DatabaseError, PsycopgError, KeyError):
            leave()
        assert sql_row(question) != (clean,)
    if is_end_of_request:
        end_of_request()
    with use_tenant(globex):
        assert sql_row(question) == (clean,)


def test_many_settings_of_a_transaction_do_not_mislead_the_next_statement(pair: Pair, sql_row: Row) -> None:
    """The search path that `executemany` set is not the tenant's."""
    acme, _ = pair
    with use_tenant(acme), transaction.atomic():
        _many("SET LOCAL search_path = %s", ("pg_catalog",))
        assert sql_row("SELECT current_schema(), current_user") == (acme.schema, acme.role)


def test_a_driver_without_autocommit_is_put_right_at_the_end_of_a_request(pair: Pair, sql_row: Row) -> None:
    """On a persistent connection, the next request's writes were never committed."""
    acme, globex = pair
    with use_tenant(acme):
        sql_row("SELECT 1")
        _driver().autocommit = False
    end_of_request()
    with use_tenant(globex):
        sql_row("SELECT 1")
        assert _driver().autocommit
        assert not connection.in_atomic_block


def test_session_state_ends_with_the_block_that_made_it(pair: Pair, sql_row: Row) -> None:
    """Also without the end of a request, as in commands and workers."""
    acme, globex = pair
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 77")
        with use_tenant(acme):
            assert sql_row("SHOW lock_timeout") == ("77ms",)
        assert sql_row("SHOW lock_timeout") == ("77ms",)
    with use_tenant(globex), transaction.atomic():
        assert sql_row("SHOW lock_timeout") == ("0",)


def test_what_the_control_plane_locks_it_keeps_from_tenant_to_tenant(pair: Pair, sql_row: Row) -> None:
    """A command may hold a lock while it works in one tenant after another."""
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 8"
    with use_tenant(PLATFORM):
        sql_row("SELECT pg_advisory_lock(8)")
    for tenant in pair:
        with use_tenant(tenant):
            assert sql_row(held) == (1,)
    end_of_request()
    with use_tenant(PLATFORM):
        assert sql_row(held) == (0,)


def test_a_temporary_table_is_not_taken_for_a_table_of_the_schema(pair: Pair, sql_row: Row) -> None:
    """In a transaction of two tenants the session cannot be cleared; the schema's table hides the temporary one."""
    acme, globex = pair
    with transaction.atomic():
        with use_tenant(acme), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE auth_group (id int, name text)")
            cursor.execute("INSERT INTO pg_temp.auth_group VALUES (1, 'of acme')")
            cursor.execute("CREATE TEMP TABLE only_here AS SELECT 1 AS one")
            assert sql_row("SELECT one FROM only_here") == (1,)
        with use_tenant(globex):
            assert not Group.objects.filter(name="of acme").exists()
        transaction.set_rollback(True)


def test_an_iterator_goes_on_while_tenants_are_visited(pair: Pair, sql_row: Row) -> None:
    """A change of tenant does not close a cursor that is still read."""
    with use_tenant(PLATFORM), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT generate_series(1, 3)")
        for number in (1, 2, 3):
            assert cursor.fetchone() == (number,)
            with use_tenant(pair[number % 2]):
                sql_row("SELECT 1")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cursor_that_was_left_open_is_closed_at_the_end_of_a_request(pair: Pair, sql_row: Row) -> None:
    """An iterator that was not read to the end."""
    with use_tenant(pair[0]):
        left = connection.chunked_cursor()
        left.execute("SELECT 1")
    end_of_request()
    with use_tenant(pair[1]):
        assert sql_row("SELECT count(*) FROM pg_cursors") == (0,)


def test_attributes_of_the_drivers_connection_are_as_they_were(pair: Pair, sql_row: Row) -> None:
    """psycopg's attributes are state as well, and would stay on a connection of the pool."""
    with use_tenant(pair[0]):
        sql_row("SELECT 1")
        connection.connection.read_only = True
        connection.connection.isolation_level = IsolationLevel.SERIALIZABLE
        connection.connection.row_factory = lambda cursor: dict
    end_of_request()
    with use_tenant(pair[1]), transaction.atomic():
        row = sql_row("SELECT current_setting('transaction_read_only'), current_setting('transaction_isolation')")
        assert row == ("off", "read committed")


def test_discard_all_is_sent_to_this_session(pair: Pair, sql_row: Row) -> None:
    """It was sent to another connection."""
    acme, _ = pair
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 77")
        cursor.execute("PREPARE kept AS SELECT 1")
        (pid,) = sql_row("SELECT pg_backend_pid()")
        cursor.execute("discard all;")
        assert cursor.statusmessage == "DISCARD ALL"
        assert sql_row("SELECT pg_backend_pid(), current_setting('lock_timeout')") == (pid, "0")
        assert sql_row("SELECT count(*) FROM pg_prepared_statements") == (0,)
        assert sql_row("SELECT current_schema(), current_user") == (acme.schema, acme.role)
    assert connection.connection.execute("SELECT current_setting('search_path')").fetchone() == ('""',)


def test_an_index_of_a_temporary_table_is_made_concurrently(pair: Pair, sql_row: Row) -> None:
    """Another connection has neither the table nor the session's settings."""
    acme, globex = pair
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE numbers (n int)")
        cursor.execute("CREATE INDEX CONCURRENTLY by_n ON numbers (n)")
        cursor.execute("VACUUM numbers")
        assert sql_row("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_n'") == (1,)
        assert sql_row("SELECT current_schema(), current_user") == (acme.schema, acme.role)
    raw = connection.connection.execute("SELECT current_setting('search_path'), current_user = session_user")
    assert raw.fetchone() == ('""', True)
    with use_tenant(globex):
        assert sql_row("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_n'") == (0,)


def test_a_transaction_that_the_driver_left_open_is_rolled_back(
    pair: Pair, sql_row: Row, caplog: pytest.LogCaptureFixture
) -> None:
    """A BEGIN without COMMIT."""
    acme, globex = pair
    for begin in ("BEGIN", "START TRANSACTION READ ONLY"):
        with use_tenant(acme), connection.cursor() as cursor:
            cursor.execute(begin)
            cursor.execute("SELECT 1")
        with caplog.at_level(logging.ERROR):
            caplog.clear()
            end_of_request()
        assert "left a transaction open" in caplog.text
        with use_tenant(globex):
            Group.objects.create(name="committed")
            with connection.connect_directly() as other:
                ask = f'DELETE FROM "{globex.schema}".auth_group WHERE name = %s RETURNING 1'
                assert other.execute(ask, ["committed"]).fetchone() == (1,)


DRIVER: dict[str, Any] = {
    "rows": lambda raw: setattr(raw, "row_factory", dict_row),
    "cursors": lambda raw: setattr(raw, "cursor_factory", RawCursor),
    "server cursors": lambda raw: setattr(raw, "server_cursor_factory", RawServerCursor),
    "isolation": lambda raw: setattr(raw, "isolation_level", IsolationLevel.SERIALIZABLE),
    "prepares": lambda raw: setattr(raw, "prepare_threshold", 1),
    "prepares without a limit": lambda raw: setattr(raw, "prepared_max", None),
    "hears notices": lambda raw: raw.add_notice_handler(print),
    "hears notifications": lambda raw: raw.add_notify_handler(print),
}


@pytest.mark.parametrize("what", DRIVER)
def test_what_code_sets_on_the_driver_ends_with_its_request(pair: Pair, sql_row: Row, what: str) -> None:
    """An attribute of psycopg changes without a statement."""
    acme, globex = pair
    with use_tenant(acme):
        initial = DriverState.of(_driver())
        DRIVER[what](_driver())
        assert DriverState.of(_driver()) != initial
    end_of_request()
    with use_tenant(globex):
        assert sql_row("SELECT current_schema()") == (globex.schema,)
        assert DriverState.of(_driver()) == initial


@pytest.mark.parametrize("statement", ["SET lock_timeout = 77", "DISCARD ALL"])
def test_a_discarded_session_prepares_as_before(pair: Pair, sql_row: Row, statement: str) -> None:
    """psycopg began to count statements and kept the text of a hundred, each with all of its rows."""
    acme, globex = pair
    with use_tenant(acme):
        threshold = _driver().prepare_threshold
        _execute(statement)
    end_of_request()
    with use_tenant(globex):
        assert sql_row("SELECT 'a text'") == ("a text",)
        assert (_driver().prepare_threshold, threshold) == (None, None)
        assert not _driver()._prepared._counts
