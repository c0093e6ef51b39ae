"""After any order of entering, leaving, failing, committing, rolling back and reconnecting, the server is where the
context is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
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

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.registry import tenant_by_slug

WHERE = "SELECT current_schema(), current_user, session_user"


def _where() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(WHERE)
        schema, role, user = cursor.fetchone()
    return schema, "" if role == user else role


class AnyOrder(RuleBasedStateMachine):
    """Blocks are entered and left like a stack; each level is a tenant's context or a transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[tuple[str, ExitStack]] = []
        self.tenants: list[TenantInfo] = []

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

    @rule(statement=st.sampled_from(["SET search_path = pg_catalog", "RESET ROLE", "SET LOCAL search_path = public"]))
    def meddle(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

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

    @invariant()
    def the_server_is_where_the_context_is(self) -> None:
        if self.levels:
            from tenants import current_tenant

            assert _where() == (current_tenant().schema, current_tenant().role)

    def teardown(self) -> None:
        while self.levels:
            self.levels.pop()[1].close()
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
    connection.close_pool()  # its sessions were meddled with: nobody else shall get one
    options["pool"] = kept


def test_the_server_follows_the_context_in_any_order(pooling: None) -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
