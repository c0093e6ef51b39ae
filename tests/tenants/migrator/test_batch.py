"""Migration of similar tenants in one message: each is migrated or unchanged, independently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.state import ProjectState

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.apply import Outcome, migrate_batch, migrate_tenant
from tenants.migrator.batch import CompiledMigration
from tenants.migrator.graph import chosen_targets
from tenants.migrator.history import SchemaHistory, session_lock
from tenants.migrator.recorder import wait_for_wal
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.scripts import Script
from tenants.models.code_release import Key
from tests.ledger.models import Account
from tests.tenants.migrator.shoppers import shopping_slowly

OpenShop = Callable[..., TenantInfo]

_LAST = ("ledger", "0004_entry_once")


@pytest.fixture
def shops(open_shop: OpenShop) -> list[TenantInfo]:
    """Five shops that lack one migration, whose SQL another tenant has just recorded."""
    first, *others = (open_shop() for _ in range(6))
    list(Run([first, *others], RunOptions(targets=tuple(to("0003")))))
    migrate_tenant(first, to("0004"))
    return others


def to(migration: str) -> list[Any]:
    return chosen_targets("ledger", migration)


def together(shops: list[TenantInfo], **options: Any) -> list[Outcome]:
    outcomes, lost = migrate_batch(shops, to("0004"), **options)
    assert lost is None
    return outcomes


def run(shops: list[TenantInfo], **options: Any) -> dict[str, Outcome]:
    """Migrate shops in a run, and return what came of them by slug."""
    outcomes = list(Run(shops, RunOptions(targets=tuple(to("0004")), **options)))
    assert len(outcomes) == len(shops)
    return {outcome.tenant.slug: outcome for outcome in outcomes}


def done(shops: list[TenantInfo]) -> list[bool]:
    return [_LAST in applied(shop) for shop in shops]


def applied(shop: TenantInfo) -> frozenset[Key]:
    return SchemaHistory.read(shop).applied


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


def test_each_tenant_has_its_transaction_and_timestamp(shops: list[TenantInfo]) -> None:
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


def test_tenants_before_a_failure_are_migrated_and_later_ones_unchanged(shops: list[TenantInfo]) -> None:
    make_doubtful(shops[2])
    assert [outcome.tenant for outcome in together(shops)] == shops[:2]
    assert done(shops) == [True, True, False, False, False]
    outcomes = run(shops[2:])
    assert [outcomes[shop.slug].failed for shop in shops[2:]] == [True, False, False]


def test_a_run_stops_at_a_failure_among_several(shops: list[TenantInfo]) -> None:
    make_doubtful(shops[2])
    run = Run(shops, RunOptions(targets=tuple(to("0004")), jobs=1, max_failures=1))
    outcomes = list(run)
    assert [outcome.tenant.slug for outcome in outcomes if outcome.failed] == [shops[2].slug]
    assert {shop.slug for shop in run.not_started} == {shop.slug for shop in shops[3:]}
    assert done(shops) == [True, True, False, False, False]


def test_tenant_locked_by_another_run_is_skipped(shops: list[TenantInfo]) -> None:
    with session_lock(shops[1]):
        assert [outcome.tenant for outcome in together(shops)] == shops[:1]
        outcomes = run(shops[1:])
    assert [outcomes[shop.slug].locked for shop in shops[1:]] == [True, False, False, False]
    assert done(shops) == [True, False, True, True, True]


def test_whom_another_run_has_done_meanwhile_is_not_counted_again(shops: list[TenantInfo]) -> None:
    migrate_tenant(shops[3], to("0004"))
    assert [outcome.tenant for outcome in together(shops)] == shops[:3]
    assert done(shops) == [True, True, True, True, False]


@contextmanager
def when_recorded(shop: TenantInfo, statement: str) -> Iterator[None]:
    """Have a shop do something when a migration of its is recorded."""
    in_the_schema(
        shop,
        f"CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NEW; END $$;"
        "CREATE TRIGGER odd BEFORE INSERT ON django_migrations EXECUTE FUNCTION odd()",
    )
    yield
    in_the_schema(shop, "DROP TRIGGER odd ON django_migrations; DROP FUNCTION odd()")


def test_locked_table_delays_no_other_tenant(shops: list[TenantInfo]) -> None:
    with shopping_slowly(shops[1]):
        # Alone, a tenant would wait without end.
        assert [outcome.tenant for outcome in together(shops, lock_timeout=0)] == shops[:1]


def test_a_record_from_before_is_not_taken_for_todays(shops: list[TenantInfo]) -> None:
    """It may be wrong, for example after the schema was changed by hand."""
    done_before = "SELECT fingerprint FROM tenants_schemastate WHERE tenant_id = %s"
    migrate_tenant(shops[4], to("0004"))
    ((fingerprint,),) = as_platform(done_before, shops[4].id)
    as_platform(
        "UPDATE tenants_schemastate SET fingerprint = %s, finished_at = now() - interval '1 hour' WHERE tenant_id = %s",
        fingerprint,
        shops[2].id,
    )
    with shopping_slowly(shops[2]):
        assert [outcome.tenant for outcome in together(shops[:4])] == shops[:2]


def test_no_tenant_is_started_after_the_deadline(shops: list[TenantInfo]) -> None:
    with when_recorded(shops[1], "PERFORM pg_sleep(0.4)"):
        assert [outcome.tenant for outcome in together(shops)] == shops[:2]
    assert done(shops) == [True, True, False, False, False]


def test_a_connection_that_is_lost_on_the_way_loses_no_count(shops: list[TenantInfo]) -> None:
    with when_recorded(shops[2], "PERFORM pg_terminate_backend(pg_backend_pid())"):
        outcomes, lost = migrate_batch(shops, to("0004"))
        assert [outcome.tenant for outcome in outcomes] == shops[:2]
        assert "terminating connection" in str(lost)
        of_the_run = run(shops[2:], jobs=1)
    assert done(shops) == [True, True, False, True, True]
    assert [of_the_run[shop.slug].failed for shop in shops[2:]] == [True, False, False]


def test_what_refuses_a_transaction_is_not_tried_twice(shops: list[TenantInfo]) -> None:
    with when_recorded(shops[1], "RAISE active_sql_transaction"):
        assert [outcome.tenant for outcome in together(shops)] == shops[:1]


def test_those_of_different_kinds_do_not_go_together(shops: list[TenantInfo], open_shop: OpenShop) -> None:
    other = open_shop(variant="customer_a")
    assert migrate_batch([shops[0], other]) == ([], None)
    assert done(shops) == [False] * len(shops)


def test_unknown_variant_does_not_affect_other_tenants(shops: list[TenantInfo]) -> None:
    odd = replace(shops[2], variant="nobodys")
    outcomes = run([*shops[:2], odd, *shops[3:]], jobs=1)
    assert {slug for slug, outcome in outcomes.items() if outcome.failed} == {odd.slug}
    assert "nobodys" in outcomes[odd.slug].error


def test_tenant_with_a_different_record_is_not_in_the_batch(shops: list[TenantInfo]) -> None:
    """After an error the record tells who was done; here it would be the same before and after."""
    nothing_that_counts = Script([], ProjectState(), steps=["SELECT 1;"])
    assert CompiledMigration(nothing_that_counts, applied(shops[0])).apply_batch(shops, lock_timeout=0) == (0, None)


def test_a_run_does_not_end_well_if_the_server_has_lost_some(shops: list[TenantInfo]) -> None:
    """As after a crash that a connection through a pooler does not notice."""
    as_platform("UPDATE tenants_schemastate SET finished_at = now() - interval '1 hour'")
    together(shops[:3])
    wait_for_wal(shops[:3], seconds=60)
    with pytest.raises(OperationalError, match=f"lost {shops[3].slug}, {shops[4].slug}$"):
        wait_for_wal(shops, seconds=0)


@pytest.mark.parametrize("seed", range(2))
def test_run_with_random_failures_reports_the_true_outcome_of_every_tenant(open_shop: OpenShop, seed: int) -> None:
    chance = Random(seed)
    shops = [open_shop() for _ in range(12)]
    list(Run(shops, RunOptions(targets=tuple(to("0003")))))
    for shop in chance.sample(shops, 2):
        make_doubtful(shop)
    run_ended = Event()

    def end_backends() -> None:
        while not run_ended.wait(chance.random() / 50):
            as_platform(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND query LIKE %s ORDER BY random() LIMIT 1",
                "%tenants.began%",
            )
        connection.close()

    saboteur = Thread(target=end_backends)
    saboteur.start()
    run = Run(shops, RunOptions(targets=tuple(to("0004")), max_failures=chance.choice([0, 3])))
    try:
        outcomes = list(run)
    finally:
        run_ended.set()
        saboteur.join()
    told = [outcome.tenant.slug for outcome in outcomes] + [tenant.slug for tenant in run.not_started]
    assert sorted(told) == sorted(shop.slug for shop in shops)
    assert all(done([outcome.tenant for outcome in outcomes if outcome.applied]))
