"""Recorded states of schemas are compared with PostgreSQL's catalogue."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection, transaction

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.verify import schemas_without_tenant, verify
from tenants.postgresql.schema_parts import differences, parts_of
from tenants.registry.tenant_info import all_tenants
from tests.tenants.lifecycle.own_types import OPERATIONS, fill_own
from tests.written_migrations import WriteMigrations

OpenShop = Callable[..., TenantInfo]


def as_owner(tenant: TenantInfo, statement: str) -> None:
    with use_tenant(tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute(statement)


def said_of(*tenants: TenantInfo) -> list[str]:
    return [finding.what for finding in verify(tenants)]


def test_a_new_schema_has_nothing_wrong_with_it(open_shop: OpenShop) -> None:
    assert said_of(open_shop(), open_shop()) == []


def test_every_kind_of_drift_is_named(open_shop: OpenShop) -> None:
    shop = open_shop()
    as_owner(shop, "DROP TABLE orders_orderline")
    assert "table orders_orderline is missing" in said_of(shop)
    other = open_shop()
    as_owner(other, "ALTER TABLE goods_goods ALTER name TYPE text; ALTER TABLE goods_goods ADD extra int")
    as_owner(other, "DROP INDEX entry_by_amount; CREATE TABLE stray (i int)")
    found = "\n".join(said_of(other))
    for part in (
        "column goods_goods.name is 'text not null'",
        "column goods_goods.extra should not be there",
        "index entry_by_amount is missing",
        "table stray should not be there",
    ):
        assert part in found


def test_outdated_schema_is_reported(open_shop: OpenShop) -> None:
    shop = open_shop()
    list(Run([shop], RunOptions(targets=tuple(chosen_targets("ledger", "0002")))))
    assert said_of(shop) == ["it is behind the code. Run migrate_tenants"]


def test_rows_without_schema_and_schemas_without_row_are_found(open_shop: OpenShop) -> None:
    shop = open_shop()
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA t_999999")
        cursor.execute(f"DROP SCHEMA {shop.schema} CASCADE")
    assert said_of(shop) == ["the schema is missing or empty"]
    assert schemas_without_tenant(all_tenants()) == ["t_999999"]
    assert any("t_999999" in line and "--drop-orphans" in line for line in reconcile_tenants())
    assert schemas_without_tenant(all_tenants()) == ["t_999999"]
    assert any("t_999999" in line and "dropped" in line for line in reconcile_tenants(drop_orphans=True))
    assert schemas_without_tenant(all_tenants()) == []


def test_reconcile_makes_a_missing_role_and_mends_the_record(open_shop: OpenShop) -> None:
    shop = open_shop()
    with use_tenant(PLATFORM), connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {shop.role}; DROP ROLE {shop.role}")
        cursor.execute("UPDATE tenants_schemastate SET fingerprint = 'wrong' WHERE tenant_id = %s", [shop.id])
    assert len(said_of(shop)) == 2
    said = [line for line in reconcile_tenants() if line.startswith(shop.slug)]
    assert len(said) == 2
    assert said_of(shop) == []
    with use_tenant(shop), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM goods_goods")
        assert cursor.fetchone() == (shop.role, 0)


# --- What is compared

DRIFT = {
    "ALTER TYPE mood ADD VALUE 'angry'": "type mood is",
    "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'": "type mood is",
    "ALTER DOMAIN small DROP CONSTRAINT small_check": "type small is",
    "ALTER DOMAIN small SET DEFAULT 3": "type small is",
    "ALTER TYPE pair ADD ATTRIBUTE more int": "type pair is",
    "CREATE TYPE stray AS ENUM ()": "type stray should not be there",
    "CREATE OR REPLACE FUNCTION twice(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 3 * x'": "function twice(",
    "ALTER FUNCTION next_number() SECURITY DEFINER": "function next_number() is",
    "CREATE FUNCTION stray() RETURNS int LANGUAGE sql AS 'SELECT 1'": "function stray() should not be there",
    "DROP AGGREGATE product(int)": "function product(integer) is missing",
    "ALTER SEQUENCE numbers INCREMENT 7": "sequence numbers is",
    "ALTER SEQUENCE own_id_seq CYCLE": "sequence of own.id is",
    "ALTER SEQUENCE own_id_seq OWNED BY NONE": "sequence of own.id is missing",
    "CREATE SEQUENCE stray": "sequence stray should not be there",
    "DROP MATERIALIZED VIEW own_counted": "materialized view own_counted is missing",
    "CREATE OR REPLACE VIEW own_seen AS SELECT label, 4 AS four FROM own": "view own_seen is",
    "ALTER VIEW own_seen RESET (security_barrier)": "view own_seen is",
    "ALTER TABLE own DISABLE TRIGGER own_shouts": "trigger own.own_shouts is",
    "DROP TRIGGER own_shouts ON own": "trigger own.own_shouts is missing",
    "DROP RULE own_stays ON own": "rule own.own_stays is missing",
    "ALTER POLICY own_not_sad ON own USING (true)": "policy own.own_not_sad is",
    "CREATE POLICY stray ON own_parts": "policy own_parts.stray should not be there",
    "ALTER TABLE own DISABLE ROW LEVEL SECURITY": "table own is",
    "ALTER TABLE own FORCE ROW LEVEL SECURITY": "table own is",
    "ALTER TABLE own SET UNLOGGED": "table own is",
    "ALTER TABLE own_parts DETACH PARTITION own_parts_2026": "table own_parts_2026 is",
    "ALTER TABLE own ALTER m SET DEFAULT 'sad'": "column own.m is",
    'ALTER TABLE own ALTER note TYPE text COLLATE "POSIX"': "column own.note is",
    "ALTER TABLE own ALTER d DROP EXPRESSION": "column own.d is",
    "ALTER TABLE goods_goods ALTER id SET GENERATED ALWAYS": "column goods_goods.id is",
    "DROP STATISTICS own_statistics": "statistics own_statistics is missing",
    'CREATE COLLATION stray FROM "C"': "object collation stray should not be there",
    "ALTER TABLE own DROP CONSTRAINT own_label_key": "constraint own.own_label_key is missing",
    "ALTER TABLE ledger_entry RENAME CONSTRAINT entry_once TO other": "constraint ledger_entry.entry_once is missing",
    "ALTER INDEX own_by_twice RENAME TO own_by_two": "index own_by_twice is missing",
}


def test_own_types_defaults_and_functions_differ_in_no_schema(
    open_shop: OpenShop, write_migrations: WriteMigrations
) -> None:
    """Fault 15: columns whose type or default names the schema, and functions, are equal in all schemas."""
    write_migrations("0006_own", OPERATIONS)
    shops = [open_shop() for _ in range(2)]
    fill_own(shops[0])
    assert said_of(*shops) == []


def test_everything_in_a_schema_is_compared(open_shop: OpenShop, write_migrations: WriteMigrations) -> None:
    """Fault 15: functions, enum labels, sequences, views, triggers, policies, rules and so on, each drift is named."""
    write_migrations("0006_own", OPERATIONS)
    shop = open_shop()
    assert said_of(shop) == []
    unseen = {}
    with use_tenant(shop.as_owner()):
        whole = parts_of(shop.schema, role=shop.role)
        for statement, expected in DRIFT.items():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
                parts = parts_of(shop.schema, role=shop.role)
                transaction.set_rollback(True)
            found = differences(parts, whole, names_that_count={"entry_once"})
            if not any(what.startswith(expected) for what in found):
                unseen[statement] = found
    assert unseen == {}


def test_an_index_that_was_never_finished_is_named(open_shop: OpenShop) -> None:
    """Fault 15: what CREATE INDEX CONCURRENTLY leaves when it fails is there, and of no use."""
    shop = open_shop()
    as_owner(shop, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'entry_by_amount'::regclass")
    (found,) = said_of(shop)
    assert found.startswith("index entry_by_amount is 'CREATE INDEX ON ledger_entry USING btree (amount) invalid'")


def test_a_table_that_the_role_has_no_rights_on_is_named(open_shop: OpenShop) -> None:
    """Fault 15: a shop whose role may not read a table is no shop that is as it should be."""
    shop = open_shop()
    as_owner(shop, f"REVOKE ALL ON ledger_entry FROM {shop.role}")
    assert said_of(shop) == ["its role has no rights on ledger_entry. Run reconcile_tenants"]
    assert any("had no rights on ledger_entry" in line for line in reconcile_tenants() if line.startswith(shop.slug))
    assert said_of(shop) == []


def test_a_schema_without_records_of_migrations_is_named_and_stops_no_other(open_shop: OpenShop) -> None:
    """Fault 15: the others are still looked at."""
    broken, whole = open_shop(), open_shop()
    as_owner(broken, "DROP TABLE django_migrations")
    assert said_of(broken, whole) == ["table django_migrations is missing"]


def test_squashed_migrations_make_the_same_schema(open_shop: OpenShop, write_migrations: WriteMigrations) -> None:
    """Fault 15: after `squashmigrations`, earlier schemas are correct, although generated names differ."""
    fields = "[('id', models.BigAutoField(primary_key=True)), ('size', models.PositiveIntegerField())"
    write_migrations("0006_thing", f"CreateModel('Thing', {fields}, ('code', models.CharField(max_length=9))]),")
    write_migrations("0007_unique", "AlterField('Thing', 'code', models.CharField(max_length=9, unique=True)),")
    write_migrations(
        "0008_link", "AddField('Thing', 'account', models.ForeignKey('ledger.Account', models.CASCADE, null=True)),"
    )
    write_migrations("0009_names", "RenameField('Thing', 'size', 'length'), RenameModel('Thing', 'Item'),")
    before = open_shop()
    replaced = [("ledger", f"000{number}") for number in ("6_thing", "7_unique", "8_link", "9_names")]
    write_migrations(
        "0006_squashed",
        "CreateModel('Item', [('id', models.BigAutoField(primary_key=True)), ('length', models.PositiveIntegerField()),"
        " ('code', models.CharField(max_length=9, unique=True)),"
        " ('account', models.ForeignKey('ledger.Account', models.CASCADE, null=True))]),",
        more=f"replaces = {replaced!r}",
        after="0005_entry_by_amount",
    )
    after = open_shop()
    list(Run([before], RunOptions()))
    assert said_of(before, after) == []
    as_owner(
        before,
        "DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)"
        " FROM pg_constraint WHERE conrelid = 'ledger_item'::regclass AND contype = 'c'); END $$",
    )
    assert said_of(before) == ["constraint ledger_item.ledger_item_length_check is missing"]
