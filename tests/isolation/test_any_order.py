"""After any order of entering, leaving, failing, committing, rolling back, reconnecting and direct use of the
connection, schema and role in the server are those of the context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from django.db import DatabaseError, close_old_connections, connection, connections, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tenants import PLATFORM, TenantInfo, current_tenant, use_tenant
from tenants.registry.lookup import tenant_by_slug

WHERE = """SELECT current_schema(), current_user, session_user,
(SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'auth_group'::regclass)"""

Place = tuple[str, str, str]
"""The schema, the role, and the schema of the table that a plain name leads to."""


def _place_in(row: Any) -> Place:
    schema, role, user, schema_of_table = row
    return schema, "" if role == user else role, schema_of_table


def _place_of(tenant: TenantInfo) -> Place:
    return tenant.schema, tenant.role, tenant.schema


def _where(wrapper: Any = connection) -> Place:
    with wrapper.cursor() as cursor:
        cursor.execute(WHERE)
        return _place_in(cursor.fetchone())


def _driver() -> Any:
    connection.ensure_connection()
    return connection.connection


class AnyOrder(RuleBasedStateMachine):
    """Blocks are entered and left like a stack; each level is a tenant's context or a transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[tuple[str, ExitStack]] = []
        self.tenants: list[TenantInfo] = []
        self.other = connections.create_connection("default")
        self.touched: set[ExitStack] = set()
        """The levels in which a setting of the session was changed."""
        self.of_platform: set[ExitStack] = set()

    @initialize()
    def start(self) -> None:
        self.tenants = [PLATFORM, *(tenant_by_slug(slug) for slug in ("acme", "globex", "initech"))]
        self._push("tenant", use_tenant(self.tenants[1]))

    def _push(self, kind: str, block: Any) -> None:
        level = ExitStack()
        level.enter_context(block)
        self.levels.append((kind, level))

    def _in_transaction(self) -> bool:
        return any(kind == "transaction" for kind, _ in self.levels)

    @precondition(lambda self: len(self.levels) < 8)
    @rule(index=st.integers(0, 3))
    def enter_tenant(self, index: int) -> None:
        self._push("tenant", use_tenant(self.tenants[index]))

    @precondition(lambda self: len(self.levels) < 8)
    @rule()
    def enter_transaction(self) -> None:
        self._push("transaction", transaction.atomic())

    @precondition(lambda self: len(self.levels) > 1)
    @rule(raising=st.booleans())
    def leave(self, raising: bool) -> None:
        _, level = self.levels.pop()
        if raising:
            with pytest.raises(KeyError), level:
                raise KeyError
        else:
            level.close()

    @rule()
    def fail_in_the_database(self) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    @rule(index=st.integers(0, 3))
    def fail_in_the_database_as_another(self, index: int) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(), use_tenant(self.tenants[index]):
            _where()
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM no_such_table")

    @rule(
        statement=st.sampled_from(
            [
                "SET search_path = pg_catalog",
                "RESET ROLE",
                "SET LOCAL search_path = public",
                "SET LOCAL ROLE NONE",
                "SET SESSION AUTHORIZATION DEFAULT",
                "SELECT set_config('search_path', 'pg_catalog', false)",
                "SELECT Set_Config('role', 'none', true)",
                "DO $$ BEGIN SET LOCAL search_path = pg_catalog; END $$",
                "CREATE TEMP TABLE IF NOT EXISTS auth_group (id int)",
                "CREATE TEMPORARY TABLE IF NOT EXISTS another AS SELECT 1 AS one",
                "DISCARD TEMP",
                "DISCARD PLANS",
                "DEALLOCATE ALL",
                "UNLISTEN *",
                "LISTEN news",
                "SELECT pg_try_advisory_lock(9)",
                "SELECT 1; SET LOCAL search_path = pg_catalog; SELECT 2",
                "-- nothing",
            ]
        )
    )
    def meddle(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    @rule()
    def change_a_setting_of_the_session(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 77000")
        level = next(level for kind, level in reversed(self.levels) if kind == "tenant")
        self.touched.add(level)
        if current_tenant().is_platform:
            self.of_platform.add(level)

    @rule(index=st.integers(0, 3), how=st.sampled_from(["commits", "raises", "fails", "rolls back by hand"]))
    def transaction_of_psycopg(self, index: int, how: str) -> None:
        with suppress(KeyError, DatabaseError), _driver().transaction():
            with use_tenant(self.tenants[index]):
                assert _where() == _place_of(self.tenants[index])
                if how == "raises":
                    raise KeyError
                if how == "fails":
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT 1/0")
                if how == "rolls back by hand":
                    _driver().execute("SAVEPOINT by_hand")
                    _where()
                    _driver().execute("ROLLBACK TO SAVEPOINT by_hand")
                assert _where() == _place_of(self.tenants[index])

    @rule(indexes=st.lists(st.integers(0, 3), min_size=1, max_size=4), sync=st.booleans())
    def pipeline(self, indexes: list[int], sync: bool) -> None:
        cursors = []
        with _driver().pipeline() as pipeline:
            for index in indexes:
                with use_tenant(self.tenants[index]):
                    cursors.append(connection.cursor())
                    cursors[-1].execute(WHERE)
                    if sync:
                        pipeline.sync()
        for index, cursor in zip(indexes, cursors, strict=True):
            assert _place_in(cursor.fetchone()) == _place_of(self.tenants[index])
            cursor.close()

    @rule(statement=st.sampled_from(["SELECT 1", "SET LOCAL search_path = pg_catalog", "SET LOCAL ROLE NONE"]))
    def statement_of_the_driver(self, statement: str) -> None:
        _driver().execute(statement)

    @rule(index=st.integers(0, 3))
    def copy(self, index: int) -> None:
        with use_tenant(self.tenants[index]), connection.cursor() as cursor:
            with cursor.copy(f"COPY ({WHERE}) TO STDOUT") as copy:
                (row,) = copy.rows()
            assert _place_in(row) == _place_of(self.tenants[index])

    @rule(index=st.integers(0, 3))
    def many_at_once(self, index: int) -> None:
        with use_tenant(self.tenants[index]), connection.cursor() as cursor:
            cursor.cursor.executemany(f"{WHERE} WHERE %s", [[True], [True]], returning=True)
            assert _place_in(cursor.fetchone()) == _place_of(self.tenants[index])

    @rule(index=st.integers(0, 3))
    def cursor_that_is_kept_over_a_switch(self, index: int) -> None:
        with connection.chunked_cursor() as kept:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 'auth_permission'::regclass::oid")
                (table,) = cursor.fetchone()
            kept.execute("SELECT tableoid FROM auth_permission LIMIT 9")
            assert kept.fetchmany(3) == [(table,)] * 3
            with use_tenant(self.tenants[index]):
                assert kept.fetchmany(3) == [(table,)] * 3
                assert _where() == _place_of(self.tenants[index])
            assert kept.fetchall() == [(table,)] * 3

    @rule(end=st.sampled_from(["COMMIT", "ROLLBACK", "SAVEPOINT s; ROLLBACK TO SAVEPOINT s"]))
    def text_of_several_statements(self, end: str) -> None:
        if self._in_transaction() == (end in {"COMMIT", "ROLLBACK"}):
            return
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT 1; {end}; {WHERE}")
            while cursor.nextset():
                pass
            assert _place_in(cursor.fetchone()) == _place_of(current_tenant())

    @rule()
    def discard_all(self) -> None:
        if not self._in_transaction():
            with connection.cursor() as cursor:
                cursor.execute("DISCARD ALL")
            self.touched.clear()

    @rule(index=st.integers(0, 3))
    def other_alias(self, index: int) -> None:
        self.other.set_autocommit(False)
        try:
            with use_tenant(self.tenants[index]):
                assert _where(self.other) == _place_of(self.tenants[index])
            assert _where(self.other) == _place_of(current_tenant())
        finally:
            self.other.rollback()
            self.other.set_autocommit(True)

    @rule()
    def end_of_a_request(self) -> None:
        if not self._in_transaction():
            close_old_connections()
            self.touched.clear()

    @rule(index=st.integers(0, 3))
    def roll_back_to_a_savepoint_by_hand(self, index: int) -> None:
        if self._in_transaction():
            savepoint = connection.savepoint()
            with use_tenant(self.tenants[index]):
                _where()
            connection.savepoint_rollback(savepoint)

    @rule()
    def reconnect(self) -> None:
        if not self._in_transaction():
            connection.close()
            self.touched.clear()

    @invariant()
    def the_server_is_where_the_context_is(self) -> None:
        if self.levels:
            assert _where() == _place_of(current_tenant())

    @invariant()
    def a_setting_of_the_session_ends_with_its_block(self) -> None:
        # The control plane's stay until the end of the request; inside a transaction nothing can be cleared.
        around = {level for _, level in self.levels}
        if self.levels and not self._in_transaction() and not self.touched & (around | self.of_platform):
            with connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == ("0",)

    def teardown(self) -> None:
        while self.levels:
            self.levels.pop()[1].close()
        self.other.close()
        connection.close()


@pytest.fixture(params=["pool", "no pool"])
def pooling(request: Any, committed: None) -> Iterator[None]:
    """Run with Django's pool, and with one connection per thread."""
    connection.close()
    options = connection.settings_dict["OPTIONS"]
    kept = options["pool"]
    options["pool"] = kept if request.param == "pool" else False
    yield
    connection.close()
    connection.close_pool()  # its sessions were changed: no other test may get one
    options["pool"] = kept


def test_the_server_follows_the_context_in_any_order(pooling: None) -> None:
    """Faults 2, 4, 8, 11 and 52: with everything that code can do on a connection."""
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
