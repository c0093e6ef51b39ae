"""A tenant with its own types, functions, policies and views passes every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from tenants import TenantInfo, use_tenant
from tenants.errors import SchemaDrift
from tenants.lifecycle import backup_tenant, clone_tenant, restore_tenant
from tenants.lifecycle.backup.copy_rows import count_rows
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.verify import verify
from tests.tenants.lifecycle.contents import contents
from tests.tenants.lifecycle.own_types import OPERATIONS, fill_own
from tests.written_migrations import WriteMigrations

OpenShop = Callable[..., TenantInfo]
DropTenant = Callable[[TenantInfo], None]


@pytest.fixture
def shop(write_migrations: WriteMigrations, open_shop: OpenShop) -> TenantInfo:
    """A shop with a value of each kind of type."""
    write_migrations("0006_own", OPERATIONS)
    tenant = open_shop()
    fill_own(tenant)
    return tenant


@pytest.fixture
def made(drop_tenant: DropTenant) -> Iterator[list[TenantInfo]]:
    """What a test makes of a shop, and which is taken away afterwards."""
    tenants: list[TenantInfo] = []
    yield tenants
    for tenant in tenants:
        drop_tenant(tenant)


def ask(tenant: TenantInfo, statement: str) -> list[object]:
    with use_tenant(tenant), connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def test_a_clone_of_a_shop_with_own_types_has_all_of_it(shop: TenantInfo, made: list[TenantInfo]) -> None:
    """Fault 14: enum, domain, composite, range and base types, arrays of them, views and sequences come along."""
    made.append(clone_tenant(shop.slug, "own-copy"))
    assert contents(made[0]) == contents(shop)
    assert [finding.what for finding in verify([shop, made[0]])] == []
    assert ask(made[0], "SELECT pg_typeof(m)::text FROM own") == ["mood", "mood"]
    assert ask(made[0], "INSERT INTO own (label) VALUES ('x') RETURNING number") == [25]


def test_a_backup_of_a_shop_with_own_types_is_restored(
    shop: TenantInfo, made: list[TenantInfo], tmp_path: Path
) -> None:
    """Fault 14: restored under another name, functions that call each other find each other."""
    made.append(restore_tenant(backup_tenant(shop.slug, tmp_path / "shop.tar"), "own-restored"))
    assert contents(made[0]) == contents(shop)
    assert [finding.what for finding in verify([shop, made[0]])] == []
    assert ask(made[0], "INSERT INTO own (label) VALUES ('x') RETURNING number") == [25]


def test_function_with_a_search_path_uses_the_restored_schema(
    shop: TenantInfo, made: list[TenantInfo], tmp_path: Path
) -> None:
    """Fault 13: its path named the schema that was backed up, and with the owner's rights it read that shop's rows."""
    file = backup_tenant(shop.slug, tmp_path / "shop.tar")
    with use_tenant(shop.as_owner()), connection.cursor() as cursor:
        cursor.execute("INSERT INTO own (label) VALUES ('since then')")
    made.append(restore_tenant(file, "own-restored"))
    assert ask(made[0], "SELECT count_own()") == [3]
    assert ask(shop, "SELECT count_own()") == [4]


def test_foreign_keys_of_a_clone_are_looked_at_as_in_its_source(shop: TenantInfo, made: list[TenantInfo]) -> None:
    """Fault 14: those that cannot be deferred ask for an order of the tables, or have none."""
    made.append(clone_tenant(shop.slug, "own-copy"))
    with pytest.raises(IntegrityError), use_tenant(made[0].as_owner()), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO own_root VALUES (9, 9)")
            pytest.fail("This was to be refused at once.")


def test_own_types_come_and_go_in_many_shops_at_once(write_migrations: WriteMigrations, open_shop: OpenShop) -> None:
    """Fault 14: batches of the migrator make each schema its types, forwards and back."""
    shops = [open_shop() for _ in range(8)]
    write_migrations("0006_own", OPERATIONS)
    for target in ("0006", "0005", "0006"):
        options = RunOptions(jobs=2, targets=tuple(chosen_targets("ledger", target)))
        assert [outcome.error for outcome in Run(shops, options) if outcome.failed] == []
    assert [finding.what for finding in verify(shops)] == []


def test_a_value_that_an_enum_is_given_is_used_by_the_next_migration(
    write_migrations: WriteMigrations, open_shop: OpenShop
) -> None:
    """Fault 14: PostgreSQL refuses a new enum value until it is committed, and both were one transaction."""
    write_migrations("0006_own", OPERATIONS)
    shops = [open_shop() for _ in range(3)]
    for shop in shops[:2]:
        fill_own(shop)
    write_migrations("0007_value", "RunSQL(\"ALTER TYPE mood ADD VALUE 'angry' AFTER 'sad'\", RunSQL.noop),")
    write_migrations("0008_use", "RunSQL(\"UPDATE own SET m = 'angry' WHERE m = 'sad'\", RunSQL.noop),")
    outcomes = {outcome.tenant.slug: outcome for outcome in Run(shops, RunOptions(jobs=2))}
    assert {outcome.error for outcome in outcomes.values()} == {""}
    assert outcomes[shops[0].slug].applied == ("ledger.0007_value", "ledger.0008_use")
    assert sorted(ask(shops[1].as_owner(), "SELECT m::text FROM own")) == ["angry", "ok", "ok"]
    if connection.pg_version >= 170000:
        assert [finding.what for finding in verify([*shops, open_shop(), open_shop()])] == []
    else:  # an older PostgreSQL refuses it in the transaction that creates a tenant: docs/operations.md
        with pytest.raises(DatabaseError, match="unsafe use of new value"):
            open_shop()


def test_a_column_of_another_type_is_not_cloned(shop: TenantInfo) -> None:
    """Fault 14: what was changed by hand is named, and no value is turned into another."""
    with use_tenant(shop.as_owner()), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE own_parts ALTER m TYPE text")
    with pytest.raises(SchemaDrift, match=r"its column own_parts_2026\.m is text, and not mood"):
        clone_tenant(shop.slug, "own-copy")


def test_a_policy_hides_no_row_from_a_copy_or_a_count(shop: TenantInfo) -> None:
    """Fault 14: a role that a policy applies to gets an error, not a part of the rows."""
    with use_tenant(shop.as_owner()), transaction.atomic():
        assert count_rows(shop.schema)["own"] == 3
    with use_tenant(shop), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        count_rows(shop.schema)
