"""Statement timeout of a tenant: it applies to that tenant only, and a shorter one set by code stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.registry.lookup import tenant_by_slug

Row = Callable[..., tuple[Any, ...]]
Pair = tuple[TenantInfo, TenantInfo]


@pytest.fixture
def pair(committed: None) -> Iterator[Pair]:
    """Two tenants with statement timeouts of 30 and 40 seconds."""
    yield tuple(
        replace(tenant_by_slug(slug), statement_seconds=seconds) for slug, seconds in (("acme", 30), ("globex", 40))
    )
    connection.close()


@pytest.fixture
def limit(sql_row: Row) -> Callable[[], str]:
    return lambda: str(sql_row("SHOW statement_timeout")[0])


def test_a_stricter_limit_set_by_hand_is_kept(pair: Pair, sql_row: Row, limit: Callable[[], str]) -> None:
    """The next statement reset it."""
    with use_tenant(pair[0]), transaction.atomic(), connection.cursor() as cursor:
        assert limit() == "30s"
        cursor.execute("SET LOCAL statement_timeout = '50ms'")
        assert limit() == "50ms"
        with pytest.raises(OperationalError, match="statement timeout"), transaction.atomic():
            cursor.execute("SELECT pg_sleep(5)")
        assert limit() == "50ms"
        sql_row("SELECT set_config('statement_timeout', '60ms', true)")
        assert limit() == "60ms"


def test_a_stricter_limit_of_the_session_is_kept(pair: Pair, limit: Callable[[], str]) -> None:
    """Also if it was set before the transaction, or without one."""
    with use_tenant(pair[0]), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '70ms'")
        assert limit() == "70ms"
        with transaction.atomic():
            assert limit() == limit() == "70ms"


@pytest.mark.parametrize("statement", ["SET LOCAL statement_timeout = 0", "SET statement_timeout = '50s'", "RESET ALL"])
def test_a_looser_limit_set_by_hand_is_not_believed(pair: Pair, limit: Callable[[], str], statement: str) -> None:
    """A longer timeout than the tenant's would lift the limit."""
    with use_tenant(pair[0]), transaction.atomic(), connection.cursor() as cursor:
        assert limit() == "30s"
        cursor.execute(statement)
        assert limit() == "30s"


def test_a_limit_ends_with_its_tenant_inside_a_transaction(pair: Pair, limit: Callable[[], str]) -> None:
    """It stayed in force for another tenant, the platform and the owner."""
    acme, globex = pair
    with transaction.atomic():
        for tenant, seconds in ((acme, "30s"), (globex, "40s"), (acme, "30s")):
            with use_tenant(tenant):
                assert limit() == seconds
            for free in (PLATFORM, acme.as_owner(), replace(globex, statement_seconds=0)):
                with use_tenant(free):
                    assert limit() == "0"


def test_a_limit_ends_with_its_tenant_after_a_savepoints_rollback(pair: Pair, limit: Callable[[], str]) -> None:
    """The rollback restores the timeout that was in force before."""
    acme, globex = pair
    with transaction.atomic(), use_tenant(acme):
        assert limit() == "30s"
        with use_tenant(PLATFORM):
            savepoint = connection.savepoint()
            assert limit() == "0"
            connection.savepoint_rollback(savepoint)
            assert limit() == "0"
        savepoint = connection.savepoint()
        with use_tenant(globex):
            assert limit() == "40s"
        connection.savepoint_rollback(savepoint)
        assert limit() == "30s"


def test_a_limit_comes_into_force_in_the_midst_of_a_transaction(pair: Pair, limit: Callable[[], str]) -> None:
    """First sent without, then with a timeout: none was in force."""
    acme = pair[0]
    without = replace(acme, statement_seconds=0)
    with transaction.atomic(), use_tenant(without):
        assert limit() == "0"
        with use_tenant(acme):
            assert limit() == "30s"
        assert limit() == "0"


def test_a_limit_set_by_hand_does_not_take_anothers_along(pair: Pair, limit: Callable[[], str]) -> None:
    """A timeout set by code stays for the transaction, the tenant's ends with the tenant."""
    acme, globex = pair
    with transaction.atomic():
        with use_tenant(acme), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")  # something was set by hand
            assert limit() == "30s"
        with use_tenant(globex), connection.cursor() as cursor:
            assert limit() == "40s"
        with use_tenant(PLATFORM):
            assert limit() == "0"
        with use_tenant(acme), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '2s'")
        with use_tenant(PLATFORM):
            assert limit() == "2s"


def test_a_limit_is_in_force_for_what_refuses_a_transaction(pair: Pair) -> None:
    """On the second connection there was none."""
    acme = replace(pair[0], statement_seconds=1, role="")
    with use_tenant(acme), connection.cursor() as cursor:
        with pytest.raises(OperationalError, match="statement timeout"):
            cursor.execute("DO $$ BEGIN COMMIT; PERFORM pg_sleep(20); END $$")
