"""A backup can be restored: it lists what a restore needs, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.errors import ExtensionRefused, InvalidBackup, OperationFailed
from tenants.lifecycle import backup_tenant, clone_tenant, restore_tenant
from tenants.postgresql.direct_connection import connect_directly
from tests.extensions import dropped_afterwards, need, some_extension
from tests.tenants.lifecycle.contents import contents
from tests.tenants.lifecycle.test_restore import manifest_of, with_manifest
from tests.written_migrations import WriteMigrations

OpenShop = Callable[..., TenantInfo]
Restore = Callable[..., TenantInfo]
Extension = tuple[str, str, str]


@pytest.fixture
def extension(committed: None) -> Iterator[Extension]:
    """An extension that the server has, with a type and a value of it; the database has it no more afterwards."""
    found = some_extension()
    with dropped_afterwards(found[0]):
        yield found


@pytest.fixture
def restore(drop_tenant: Callable[[TenantInfo], None]) -> Iterator[Restore]:
    """Return a function that restores a shop; what it made is taken away after the test."""
    made: list[TenantInfo] = []

    def restore(*args: Any, **kwargs: Any) -> TenantInfo:
        made.append(restore_tenant(*args, **kwargs))
        return made[-1]

    yield restore
    for tenant in made:
        drop_tenant(tenant)


def as_owner(tenant: TenantInfo, statement: str) -> None:
    with use_tenant(tenant.as_owner()), connection.cursor() as cursor:
        cursor.execute(statement)


def with_column(shop: TenantInfo, extension: Extension, schema: str) -> TenantInfo:
    """Give a shop a table with columns, a default and an array of an extension's type, and a row."""
    name, kind, value = extension
    as_owner(PLATFORM, f"CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {schema}")
    as_owner(shop, f"CREATE TABLE with_it (c {schema}.{kind} DEFAULT '{value}', many {schema}.{kind}[])")
    as_owner(shop, f"INSERT INTO with_it (many) VALUES (ARRAY['{value}'::{schema}.{kind}])")
    return shop


def extensions_of(backup: Path) -> list[tuple[str, str]]:
    return [(each["name"], each["schema"]) for each in manifest_of(backup)["extensions"]]


def test_an_extension_of_pg_catalog_is_in_no_restores_way(
    open_shop: OpenShop, extension: Extension, tmp_path: Path, restore: Restore
) -> None:
    """Fault 13: pg_cron has to be in `pg_catalog`, and made every restore fail."""
    shop = open_shop()
    as_owner(PLATFORM, f"CREATE EXTENSION {extension[0]} SCHEMA pg_catalog")
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert extensions_of(backup) == []
    assert contents(restore(backup, "restored")) == contents(shop)
    of_before = {key: value for key, value in manifest_of(backup).items() if key != "extensions"}
    (tmp_path / "older").mkdir()
    older = with_manifest(backup, format=4, extensions=of_before.get("extensions"))
    assert contents(restore(older, "older")) == contents(shop)


def test_an_extension_whose_package_says_pg_catalog_is_in_no_restores_way(
    open_shop: OpenShop, tmp_path: Path, restore: Restore
) -> None:
    """Fault 13: `adminpack` is one, as pg_cron is: it can be nowhere else."""
    need("adminpack")
    with dropped_afterwards("adminpack"):
        as_owner(PLATFORM, "CREATE EXTENSION adminpack")
        shop = open_shop()
        assert contents(restore(backup_tenant(shop.slug, tmp_path / "shop.tar"), "restored")) == contents(shop)


@pytest.mark.parametrize("home", ["extensions", "pg_catalog", "public"])
def test_the_extensions_of_a_shop_are_in_its_manifest_and_restored(
    open_shop: OpenShop, extension: Extension, tmp_path: Path, restore: Restore, home: str
) -> None:
    """Fault 13: what the rows need is known when they are backed up, wherever it is."""
    shop = with_column(open_shop(), extension, home)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert extensions_of(backup) == [(extension[0], home)]
    assert contents(restore(backup, "restored")) == contents(shop)


def test_an_extension_that_is_gone_is_made_by_the_restore(
    open_shop: OpenShop, extension: Extension, tmp_path: Path, restore: Restore
) -> None:
    """Fault 13: a new server does not have it yet."""
    shop = with_column(open_shop(), extension, "extensions")
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    before = contents(shop)
    as_owner(PLATFORM, f"DROP EXTENSION {extension[0]} CASCADE")
    assert contents(restore(backup, "restored")) == before


def test_an_extension_in_the_shops_own_schema_comes_back_where_all_have_it(
    open_shop: OpenShop, extension: Extension, tmp_path: Path, restore: Restore
) -> None:
    """Fault 13: such a backup could not be restored. An extension in another place is found in this one."""
    shop = open_shop()
    with_column(shop, extension, shop.schema)
    backup = backup_tenant(shop.slug, tmp_path / "shop.tar")
    assert extensions_of(backup) == [(extension[0], shop.schema)]
    with pytest.raises(ExtensionRefused, match=f'ALTER EXTENSION "{extension[0]}" SET SCHEMA'):
        restore_tenant(backup, "restored")
    as_owner(PLATFORM, f"ALTER EXTENSION {extension[0]} SET SCHEMA extensions")
    assert contents(restore(backup, "restored")) == contents(shop)


def test_a_clone_shares_the_extension_of_its_source(
    open_shop: OpenShop, write_migrations: WriteMigrations, extension: Extension, drop_tenant: Callable[..., None]
) -> None:
    """Fault 14: a type of an extension is no schema's own."""
    name, kind, value = extension
    write_migrations("0006_extension", f"CreateExtension({name!r}),")
    write_migrations("0007_column", f"RunSQL('ALTER TABLE ledger_account ADD extra {kind}'),")
    shop = open_shop()
    as_owner(shop, f"INSERT INTO ledger_account (name, extra) VALUES ('x', '{value}')")
    copy = clone_tenant(shop.slug, "copied")
    try:
        assert contents(copy) == contents(shop)
    finally:
        drop_tenant(copy)


def test_a_restore_without_the_extensions_package_is_refused_at_once(
    open_shop: OpenShop, tmp_path: Path, restore: Restore
) -> None:
    """Fault 13: the message names the extension and what to do; nothing was begun."""
    backup = backup_tenant(open_shop().slug, tmp_path / "shop.tar")
    lacking = {"name": "no_such_thing", "version": "1.0", "schema": "extensions"}
    with pytest.raises(ExtensionRefused, match="Install its package on the server"):
        restore_tenant(with_manifest(backup, extensions=[lacking]), "restored")


@pytest.mark.parametrize("extensions", [[7], [{"name": 7, "version": "1", "schema": "x"}], "x", [{"name": "x"}], None])
def test_a_list_of_extensions_that_is_none_is_refused(open_shop: OpenShop, tmp_path: Path, extensions: object) -> None:
    """Fault 13: a manifest is read by its types."""
    backup = backup_tenant(open_shop().slug, tmp_path / "shop.tar")
    with pytest.raises(InvalidBackup):
        restore_tenant(with_manifest(backup, extensions=extensions), "restored")


OUTSIDE = {
    "ALTER TABLE ledger_account ADD c public.feeling": "column c of table ledger_account needs type public.feeling",
    "ALTER TABLE ledger_account ADD c public.feeling[]": "needs type public.feeling",
    "ALTER TABLE ledger_account ADD c int DEFAULT public.outside()": "needs function public.outside()",
    "CREATE TRIGGER t BEFORE INSERT ON ledger_account EXECUTE FUNCTION public.on_write()": "function public.on_write()",
    "CREATE INDEX i ON ledger_account (public.lowered(name))": "index i needs function public.lowered(text)",
    "CREATE VIEW v AS SELECT * FROM public.somewhere": "needs table public.somewhere",
    "CREATE TABLE t (c text COLLATE public.sorted)": "column c of table t needs collation public.sorted",
    "CREATE TABLE t () INHERITS (public.somewhere)": "table t needs table public.somewhere",
    "CREATE POLICY p ON ledger_account TO {role}": "policy p on table ledger_account is for the role {role} alone",
    "CREATE FUNCTION f(public.feeling) RETURNS int LANGUAGE sql AS 'SELECT 1'": "needs type public.feeling",
    "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {schema}.ledger_account'": (
        "function f() names the schema {schema} in its text"
    ),
    "CREATE TRIGGER t BEFORE INSERT ON ledger_account EXECUTE FUNCTION noted('{schema}.log')": (
        "trigger t on table ledger_account names the schema {schema} in its text"
    ),
}


@pytest.mark.parametrize("statement", OUTSIDE)
def test_a_backup_that_no_restore_could_take_is_refused_with_the_reason(
    open_shop: OpenShop, tmp_path: Path, statement: str
) -> None:
    """Fault 13: what is in another schema, or for one role, is told at the backup and not at the restore."""
    shop = open_shop()
    with connect_directly() as session:
        session.execute(
            "CREATE TYPE public.feeling AS ENUM ('ok'); CREATE TABLE public.somewhere (c int);"
            "CREATE FUNCTION public.outside() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "CREATE FUNCTION public.lowered(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';"
            "CREATE FUNCTION public.on_write() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            'CREATE COLLATION public.sorted FROM "C"'
        )
        try:
            facts = {"role": shop.role, "schema": shop.schema}
            as_owner(shop, "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
            as_owner(shop, statement.format(**facts))
            with pytest.raises(OperationFailed) as refused:
                backup_tenant(shop.slug, tmp_path / "shop.tar")
            assert OUTSIDE[statement].format(**facts) in str(refused.value)
            assert list(tmp_path.iterdir()) == []
        finally:
            session.execute(
                "DROP TYPE public.feeling CASCADE; DROP TABLE public.somewhere CASCADE;"
                "DROP FUNCTION public.outside, public.lowered, public.on_write CASCADE;"
                "DROP COLLATION public.sorted CASCADE"
            )
