"""Many tenants migrate in parallel, in one message each, with the same result as Django alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.graph import AppliedExecutor, chosen_targets, targets_for
from tenants.migrator.runner import Run, RunOptions, find_behind
from tenants.postgresql import tenant_schemas as schemas
from tests.ledger.models import Account, Entry
from tests.tenants.lifecycle.contents import structure

OpenShop = Callable[..., TenantInfo]


def rows(tenant: TenantInfo, table: str) -> list[tuple[object, ...]]:
    with use_tenant(tenant), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        return cursor.fetchall()


def to(migration: str) -> RunOptions:
    return RunOptions(targets=tuple(chosen_targets("ledger", migration)))


def migrate_as_django_does(tenant: TenantInfo) -> None:
    with use_tenant(tenant.as_owner()):
        executor = MigrationExecutor(connection)
        executor.migrate(targets_for(tenant))


def test_a_replayed_schema_is_the_one_django_makes(open_shop: OpenShop) -> None:
    first, second, by_django = (open_shop() for _ in range(3))
    with use_tenant(PLATFORM):
        schemas.drop_schema(by_django)
        schemas.create_schema(by_django)
        schemas.grant_to_role(by_django)
    migrate_as_django_does(by_django)
    assert structure(first) == structure(second) == structure(by_django)
    assert "entry_by_amount" in structure(second)
    for table in ("django_content_type", "auth_permission"):
        assert rows(first, table) == rows(second, table) != []
    recorded = [row[1:3] for row in rows(by_django, "django_migrations")]
    assert sorted(row[1:3] for row in rows(second, "django_migrations")) == sorted(recorded)


def test_one_migration_at_a_time_makes_the_schema_that_all_at_once_make(open_shop: OpenShop) -> None:
    at_once, step_by_step = (open_shop() for _ in range(2))
    with use_tenant(PLATFORM):
        schemas.drop_schema(step_by_step)
        schemas.create_schema(step_by_step)
        schemas.grant_to_role(step_by_step)
    first, *others = AppliedExecutor(frozenset()).migration_plan(targets_for(step_by_step))
    migrate_tenant(step_by_step, [(first[0].app_label, first[0].name)], is_empty=True)
    for migration, _ in others:
        migrate_tenant(step_by_step, [(migration.app_label, migration.name)])
    assert find_behind(slug=step_by_step.slug)[1] == []
    assert structure(step_by_step) == structure(at_once)


def test_backwards_and_forwards_again_leaves_the_same_schema(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(3)]
    before = structure(shops[0])
    back = list(Run(shops, to("0001")))
    assert [outcome.error for outcome in back] == ["", "", ""]
    assert "entry_by_amount" not in structure(shops[2])
    for number, shop in enumerate(shops):
        with use_tenant(shop), connection.cursor() as cursor:
            cursor.execute("INSERT INTO ledger_account (name) VALUES ('cash')")
            cursor.execute("INSERT INTO ledger_entry (account_id, text, amount) SELECT id, 'x', 1 FROM ledger_account")
            # Ids differ from shop to shop, and content types with them.
            cursor.execute(
                "UPDATE auth_permission SET content_type_id = content_type_id + %(by)s;"
                "UPDATE django_content_type SET id = id + %(by)s",
                {"by": 1000 * number},
            )
    assert len(find_behind(slug__in=[shop.slug for shop in shops])[1]) == 3
    forth = list(Run(shops, RunOptions()))
    assert [(len(outcome.applied), outcome.error) for outcome in forth] == [(4, "")] * 3
    assert [structure(shop) for shop in shops] == [before] * 3
    for shop in shops:
        with use_tenant(shop), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM django_content_type WHERE model = 'entry' AND app_label = 'ledger'")
            (kind,) = cursor.fetchone()
            assert Entry.objects.get().code == f"{kind}-{Entry.objects.get().pk}"


def test_a_failing_tenant_is_left_as_it_was_and_stops_no_other(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(3)]
    list(Run(shops, to("0001")))
    odd = shops[1]
    with use_tenant(odd):
        account = Account.objects.create(name="cash")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_entry (account_id, text, amount) SELECT %s, 'x', 1 FROM generate_series(1, 2)",
                [account.pk],
            )
    before = structure(odd)
    outcomes = {outcome.tenant.slug: outcome for outcome in Run(shops, to("0004"))}
    assert [shop.slug for shop in shops if outcomes[shop.slug].failed] == [odd.slug]
    assert outcomes[odd.slug].error.startswith("In ledger.0004_entry_once: IntegrityError: ")
    assert structure(odd) == before
    with pytest.raises(CommandError, match=f"{odd.slug}.*--retry"):
        call_command("migrate_tenants", tenant=[odd.slug])
    with use_tenant(odd), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_entry WHERE id = (SELECT max(id) FROM ledger_entry)")
    call_command("migrate_tenants", tenant=[shop.slug for shop in shops], retry=False)
    assert find_behind(slug__in=[shop.slug for shop in shops])[1] == []


def test_a_constraint_of_another_name_is_coped_with_as_django_does(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(3)]
    list(Run(shops, to("0004")))
    with use_tenant(shops[1].as_owner()), connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexname LIKE 'ledger_entry_code%%like'",
            [shops[1].schema],
        )
        (name,) = cursor.fetchone()
        cursor.execute(f"ALTER INDEX {name} RENAME TO somebody_renamed_this")
    outcomes = list(Run(shops, to("0001")))
    assert [outcome.error for outcome in outcomes] == ["", "", ""]


def test_up_to_date_takes_two_queries_for_any_number(
    open_shop: OpenShop, django_assert_max_num_queries: Callable[..., object]
) -> None:
    shops = [open_shop() for _ in range(2)]
    with django_assert_max_num_queries(2):  # type: ignore[attr-defined]
        assert find_behind(slug__in=[shop.slug for shop in shops]) == (2, [])


def test_the_second_tenant_of_a_kind_takes_one_message(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(2)]
    options = to("0003")
    list(Run(shops, options))
    migrate_tenant(shops[0], chosen_targets("ledger", "0004"))
    sent: list[str] = []

    def note(execute, statement, params, many, context):  # type: ignore[no-untyped-def]
        sent.append(statement)
        return execute(statement, params, many, context)

    with connection.execute_wrapper(note):
        migrate_tenant(shops[1], chosen_targets("ledger", "0004"))
    assert len(sent) == 1  # which is a transaction by itself
    assert "synchronous_commit" not in sent[0]  # and on disk


def test_a_run_waits_for_the_disk_once_at_its_end(open_shop: OpenShop) -> None:
    shops = [open_shop() for _ in range(3)]
    list(Run(shops, to("0003")))
    sent: list[str] = []

    def note(execute, statement, params, many, context):  # type: ignore[no-untyped-def]
        sent.append(statement)
        return execute(statement, params, many, context)

    with connection.execute_wrapper(note):
        for outcome in Run(shops, to("0004")):
            assert outcome.applied
            assert sent == []
            written = one_value("SELECT pg_current_wal_insert_lsn()")
            sent.clear()
    assert len(sent) == 2  # by this thread, to wait and to see whether all is there; the workers' are their own
    assert one_value("SELECT pg_current_wal_flush_lsn() >= %s", written)


def one_value(statement: str, *params: object) -> object:
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()[0]
