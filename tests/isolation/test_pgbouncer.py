"""Through PgBouncer in transaction mode, eight threads and two tenants share one session of the server: no statement
runs in the wrong tenant. The control shows that a plain `SET search_path` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from tenants import TenantInfo, use_tenant
from tenants.registry.lookup import tenant_by_slug
from tests.away import database_elsewhere
from tests.pooler import Pooler, led_through, pgbouncer
from tests.typed import Ended

THREADS = 8
STATEMENTS = 5_000
WHERE = "SELECT current_schema(), current_user, pg_backend_pid(), (SELECT username FROM auth_user)"

Row = tuple[str, str, int, str]


@pytest.fixture
def pooler(committed: None) -> Iterator[Pooler]:
    with pgbouncer() as running, led_through(running):
        yield running


@pytest.fixture
def shops(pooler: Pooler) -> list[TenantInfo]:
    return [tenant_by_slug(slug) for slug in ("acme", "globex")]


def outside_a_transaction() -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(WHERE)
        return [cursor.fetchone()]


def in_a_transaction() -> list[Row]:
    with transaction.atomic():
        return outside_a_transaction() + outside_a_transaction()


def after_a_rollback() -> list[Row]:
    rows: list[Row] = []
    with transaction.atomic():
        rows += outside_a_transaction()
        savepoint = connection.savepoint()
        rows += outside_a_transaction()
        connection.savepoint_rollback(savepoint)
        rows += outside_a_transaction()
        transaction.set_rollback(True)
    return rows


def through_the_orm() -> list[Row]:
    (where,) = outside_a_transaction()
    (user,) = User.objects.iterator()
    return [where, (*where[:3], user.username)]


WAYS: list[Callable[[], list[Row]]] = [outside_a_transaction, in_a_transaction, after_a_rollback, through_the_orm]


def test_two_tenants_in_eight_threads_on_one_session_are_never_mixed_up(shops: list[TenantInfo]) -> None:
    def work(number: int) -> tuple[Counter[str], set[int]]:
        seen: Counter[str] = Counter()
        sessions = set()
        turns = cycle((tenant, way) for way in WAYS for tenant in (shops if number % 2 else shops[::-1]))
        while seen.total() < STATEMENTS / THREADS:
            tenant, way = next(turns)
            expected = (tenant.schema, tenant.role, f"owner@{tenant.slug}.example")
            with use_tenant(tenant):
                for schema, role, session, owner in way():
                    seen["right" if (schema, role, owner) == expected else "wrong"] += 1
                    sessions.add(session)
        connection.close()
        return seen, sessions

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(work, range(THREADS)))
    total = sum((seen for seen, _ in results), Counter[str]())
    assert total["wrong"] == 0
    assert total["right"] >= STATEMENTS
    assert len(set.union(*(sessions for _, sessions in results))) == 1, "all of them shared one session"


def test_the_control_a_plain_set_search_path_is_wrong_here(pooler: Pooler, shops: list[TenantInfo]) -> None:
    """What every other approach does: set the path once for the connection, then ask."""

    def work(tenant: TenantInfo) -> int:
        wrong = 0
        with psycopg.connect(**pooler.params, autocommit=True, prepare_threshold=None) as session:
            for _ in range(50):
                session.execute(f'SET search_path = "{tenant.schema}"')
                for _ in range(5):
                    wrong += session.execute("SELECT current_schema()").fetchone() != (tenant.schema,)
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(work, islice(cycle(shops), THREADS))) > 0


def test_search_path_of_the_session_does_not_change_a_tenants(pooler: Pooler, shops: list[TenantInfo]) -> None:
    acme, globex = shops
    with psycopg.connect(**pooler.params, autocommit=True) as stranger:
        stranger.execute(f'SET search_path = "{globex.schema}"')
        with use_tenant(acme):
            assert User.objects.get().username == "owner@acme.example"


@pytest.mark.parametrize("words", [["check", "--database", "default"], ["migrate"]], ids=" ".join)
def test_pooler_without_a_direct_url_is_reported(
    committed: None, manage: Callable[..., Ended], words: list[str]
) -> None:
    """Fault 19: `KeyError: 'DISABLE_SERVER_SIDE_CURSORS'`, in the check that is meant for it."""
    with pgbouncer() as running:
        settings = {"HOST": str(running.folder), "PORT": str(running.port), "USER": "anybody", "PASSWORD": ""}
        with database_elsewhere(**settings):
            assert "DISABLE_SERVER_SIDE_CURSORS" not in connection.settings_dict
            ended = manage(*words)
    assert ended.code == 1
    assert "tenants.E021" in ended.err
    assert "DATABASE_DIRECT_URL" in ended.err
    assert "tenants.E022" in ended.err
    assert "Traceback" not in ended.err


def test_a_pooler_and_a_way_past_it_pass_the_checks(pooler: Pooler, manage: Callable[..., Ended]) -> None:
    """Fault 19."""
    assert manage("check", "--database", "default").code == 0
    assert manage("migrate").code == 0
