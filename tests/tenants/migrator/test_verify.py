"""What is on record of the schemas is compared with PostgreSQL's own catalogue."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.lifecycle.reconcile import reconcile_tenants
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.migrator.verify import schemas_without_tenant, verify
from tenants.registry import all_tenants

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


def test_a_schema_that_is_behind_is_said_to_be(open_shop: OpenShop) -> None:
    shop = open_shop()
    list(Run([shop], RunOptions(targets=tuple(chosen_targets("ledger", "0002")))))
    assert said_of(shop) == ["it is behind the code: migrate_tenants"]


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
