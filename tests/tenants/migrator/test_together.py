"""Tenants that are alike share a message, and nothing else: each is migrated, or is as it was, by itself."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.state import ProjectState

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.apply import Outcome, migrate_tenant, migrate_together
from tenants.migrator.express import Express
from tenants.migrator.graph import Key, chosen_targets
from tenants.migrator.records import read_applied, session_claim
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.scripts import Script
from tests.ledger.models import Account

OpenShop = Callable[..., TenantInfo]

_LAST = ("ledger", "0004_entry_once")


@pytest.fixture
def shops(open_shop: OpenShop) -> list[TenantInfo]:
    """Five shops that are one step behind, on a way that another has just gone."""
    first, *others = (open_shop() for _ in range(6))
    list(Run([first, *others], RunOptions(targets=tuple(to("0003")))))
    migrate_tenant(first, to("0004"))
    return others


def to(migration: str) -> list[Any]:
    return chosen_targets("ledger", migration)


def together(shops: list[TenantInfo], **options: Any) -> list[Outcome]:
    return migrate_together(shops, to("0004"), **options)


def done(shops: list[TenantInfo]) -> list[bool]:
    return [_LAST in applied(shop) for shop in shops]


def applied(shop: TenantInfo) -> frozenset[Key]:
    with use_tenant(shop):
        return read_applied()


def as_platform(statement: str, *params: object) -> list[tuple[Any, ...]]:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def in_the_schema(shop: TenantInfo, statement: str) -> None:
    with use_tenant(shop.as_owner()), connection.cursor() as cursor:
        cursor.execute(statement)


def make_doubtful(shop: TenantInfo) -> None:
    """Give a shop two entries of the same text, which the migration allows no longer."""
    with use_tenant(shop):
        account = Account.objects.create(name="cash")
    in_the_schema(
        shop,
        f"INSERT INTO ledger_entry (account_id, text, amount, code) "
        f"SELECT {account.pk}, 'x', 1, 'c' || n FROM generate_series(1, 2) AS n",
    )


def test_one_message_is_enough_for_all(shops: list[TenantInfo]) -> None:
    sent: list[str] = []

    def note(execute, statement, params, many, context):  # type: ignore[no-untyped-def]
        sent.append(statement)
        return execute(statement, params, many, context)

    with connection.execute_wrapper(note):
        outcomes = together(shops)
    assert len(sent) == 1
    assert [(outcome.tenant.slug, outcome.applied) for outcome in outcomes] == [
        (shop.slug, ("ledger.0004_entry_once",)) for shop in shops
    ]
    assert all(done(shops))


def test_each_has_a_transaction_and_a_time_of_its_own(shops: list[TenantInfo]) -> None:
    elapsed = sum(outcome.seconds for outcome in together(shops))
    states = as_platform(
        "SELECT count(DISTINCT xmin::text), sum(seconds) FROM tenants_schemastate WHERE tenant_id = ANY(%s)",
        [shop.id for shop in shops],
    )
    ((transactions, seconds),) = states
    assert transactions == len(shops)
    assert seconds <= elapsed


def test_they_are_where_those_are_that_go_alone(shops: list[TenantInfo]) -> None:
    alone, *others = shops
    migrate_tenant(alone, to("0004"))
    assert len(together(others)) == len(others)
    fingerprints = as_platform(
        "SELECT DISTINCT fingerprint FROM tenants_schemastate WHERE tenant_id = ANY(%s)", [shop.id for shop in shops]
    )
    assert len(fingerprints) == 1
    assert {applied(shop) for shop in shops} == {applied(alone)}


def test_whoever_comes_before_a_failure_is_done_and_the_rest_as_they_were(shops: list[TenantInfo]) -> None:
    make_doubtful(shops[2])
    assert [outcome.tenant for outcome in together(shops)] == shops[:2]
    assert done(shops) == [True, True, False, False, False]
    outcomes = {outcome.tenant.slug: outcome for outcome in Run(shops[2:], RunOptions(targets=tuple(to("0004"))))}
    assert [outcomes[shop.slug].failed for shop in shops[2:]] == [True, False, False]


def test_a_run_stops_at_a_failure_among_several(shops: list[TenantInfo]) -> None:
    make_doubtful(shops[2])
    run = Run(shops, RunOptions(targets=tuple(to("0004")), jobs=1, max_failures=1))
    outcomes = list(run)
    assert [outcome.tenant.slug for outcome in outcomes if outcome.failed] == [shops[2].slug]
    assert {shop.slug for shop in run.not_begun} == {shop.slug for shop in shops[3:]}
    assert done(shops) == [True, True, False, False, False]


def test_whom_another_run_has_in_hand_is_left_to_it(shops: list[TenantInfo]) -> None:
    with session_claim(shops[1]):
        assert [outcome.tenant for outcome in together(shops)] == shops[:1]
        outcomes = {outcome.tenant.slug: outcome for outcome in Run(shops[1:], RunOptions(targets=tuple(to("0004"))))}
    assert [outcomes[shop.slug].elsewhere for shop in shops[1:]] == [True, False, False, False]
    assert done(shops) == [True, False, True, True, True]


def test_whom_another_run_has_done_meanwhile_is_not_counted_again(shops: list[TenantInfo]) -> None:
    migrate_tenant(shops[3], to("0004"))
    assert [outcome.tenant for outcome in together(shops)] == shops[:3]
    assert done(shops) == [True, True, True, True, False]


def test_nobody_waits_for_long_behind_a_table_in_use(shops: list[TenantInfo]) -> None:
    holding, release = Event(), Event()

    def shop_slowly() -> None:
        with use_tenant(shops[1]), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM ledger_entry")
            holding.set()
            release.wait(120)
        connection.close()

    shopper = Thread(target=shop_slowly)
    shopper.start()
    try:
        assert holding.wait(30)
        # Alone, a tenant would wait without end.
        assert [outcome.tenant for outcome in together(shops, lock_timeout=0)] == shops[:1]
    finally:
        release.set()
        shopper.join()


def test_a_connection_that_is_lost_on_the_way_loses_no_count(shops: list[TenantInfo]) -> None:
    in_the_schema(
        shops[2],
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
        "CREATE TRIGGER hang_up BEFORE INSERT ON django_migrations EXECUTE FUNCTION hang_up()",
    )
    assert [outcome.tenant for outcome in together(shops)] == shops[:2]
    in_the_schema(shops[2], "DROP TRIGGER hang_up ON django_migrations; DROP FUNCTION hang_up()")
    assert done(shops) == [True, True, False, False, False]


def test_those_of_different_kinds_do_not_go_together(shops: list[TenantInfo], open_shop: OpenShop) -> None:
    other = open_shop(variant="customer_a")
    assert migrate_together([shops[0], other]) == []
    assert done(shops) == [False] * len(shops)


def test_nobody_is_taken_along_whose_record_would_not_show_it(shops: list[TenantInfo]) -> None:
    """After an error the record tells who was done; here it would be the same before and after."""
    nothing_that_counts = Script([], ProjectState(), steps=["SELECT 1;"])
    assert Express(nothing_that_counts, applied(shops[0])).take_together(shops, wait=0) == 0
