"""An extension that one tenant's migration creates is available to all, and no tenant drops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from tenants import PLATFORM, TenantInfo, use_tenant
from tenants.checks.extensions import check_extensions
from tenants.conf import tenancy
from tenants.errors import ConfigurationError, ExtensionRefused, MigrationFailed
from tenants.lifecycle import delete_tenant, purge_tenant
from tenants.migrator.apply import migrate_tenant
from tenants.migrator.graph import chosen_targets
from tenants.migrator.runner import Run, RunOptions
from tenants.postgresql.extensions import create_extension, schema_of_extension
from tests.extensions import dropped_afterwards, need, some_extension
from tests.written_migrations import WriteMigrations

OpenShop = Callable[..., TenantInfo]

TRIGRAM = "TrigramExtension(), HStoreExtension(), UnaccentExtension(), CreateExtension('citext'),"
USED = "SELECT similarity('word', 'words') > 0, 'a=>1'::hstore -> 'a', unaccent('é'), 'A'::citext = 'a'"


@pytest.fixture
def extension(committed: None) -> Iterator[tuple[str, str, str]]:
    """An extension that the server has, with a type and a value of it; the database has it no more afterwards."""
    found = some_extension()
    with dropped_afterwards(found[0]):
        yield found


def ask(tenant: TenantInfo, statement: str) -> tuple[Any, ...]:
    with use_tenant(tenant), connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else ()
        return tuple(row or ())


def home(name: str) -> str | None:
    with use_tenant(PLATFORM):
        return schema_of_extension(name)


def finish(shops: list[TenantInfo], to: str | None = None) -> list[str]:
    targets = tuple(chosen_targets("ledger", to)) if to else None
    return [outcome.error for outcome in Run(shops, RunOptions(jobs=2, targets=targets)) if outcome.failed]


def test_extensions_of_a_migration_work_in_every_tenant(open_shop: OpenShop, write_migrations: WriteMigrations) -> None:
    """Fault 12: pg_trgm, hstore, unaccent and citext work in all tenants, old and new, for their roles."""
    need("pg_trgm", "hstore", "unaccent", "citext")
    with dropped_afterwards("pg_trgm", "hstore", "unaccent", "citext"):
        shops = [open_shop() for _ in range(4)]
        write_migrations("0006_extensions", TRIGRAM)
        write_migrations(
            "0007_index",
            "RunSQL('CREATE INDEX account_like ON ledger_account USING gin (name gin_trgm_ops)',"
            " 'DROP INDEX account_like'),",
        )
        assert finish(shops) == []
        for shop in (*shops, open_shop()):
            assert ask(shop, USED) == (True, "1", "e", True)
        assert ask(PLATFORM, USED) == (True, "1", "e", True)


def test_an_extension_is_in_the_schema_that_all_paths_end_with(
    open_shop: OpenShop, write_migrations: WriteMigrations, extension: tuple[str, str, str]
) -> None:
    """Fault 12: the extension is in one schema, whichever tenant came first, and its types work in each."""
    name, kind, value = extension
    shops = [open_shop() for _ in range(3)]
    write_migrations("0006_extension", f"CreateExtension({name!r}),")
    write_migrations("0007_column", f"RunSQL('ALTER TABLE ledger_account ADD extra {kind}', migrations.RunSQL.noop),")
    assert finish(shops) == []
    assert home(name) == tenancy().extension_schema == "extensions"
    for shop in shops:
        assert ask(shop, f"SELECT '{value}'::{kind} IS NULL") == (False,)
    assert ask(shops[0], "SHOW search_path") == (f"{shops[0].schema}, extensions, pg_temp",)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE EXTENSION {name}",
        'create extension if not exists \\"{name}\\" ;',
        "-- for words\\n/* and more */ CREATE EXTENSION {name} WITH CASCADE; CREATE TABLE with_it (c {kind});",
        "CREATE TABLE before_it (); CREATE EXTENSION IF NOT EXISTS {name} SCHEMA extensions CASCADE",
    ],
)
def test_an_extension_by_sql_is_in_the_same_schema(
    open_shop: OpenShop, write_migrations: WriteMigrations, extension: tuple[str, str, str], statement: str
) -> None:
    """Fault 12: RunSQL is a sibling of CreateExtension, also without IF NOT EXISTS and among other statements."""
    name, kind, _ = extension
    shops = [open_shop() for _ in range(3)]
    write_migrations("0006_by_sql", f'RunSQL("{statement.format(name=name, kind=kind)}", RunSQL.noop),')
    assert finish(shops) == []
    assert home(name) == "extensions"


def test_an_extension_outlives_the_tenant_that_brought_it(
    open_shop: OpenShop, write_migrations: WriteMigrations, extension: tuple[str, str, str]
) -> None:
    """Fault 12: neither purging nor unapplying in one tenant takes the extension from the others."""
    name, kind, value = extension
    write_migrations("0006_extension", f"CreateExtension({name!r}),")
    write_migrations("0007_by_sql", f'RunSQL("CREATE EXTENSION IF NOT EXISTS {name}", "DROP EXTENSION {name}"),')
    first, second = open_shop(), open_shop()
    assert finish([second], "0005") == []
    assert ask(first, f"SELECT '{value}'::{kind} IS NULL") == (False,)
    delete_tenant(second.slug)
    purge_tenant(second.slug)
    assert home(name) == "extensions"


def test_an_extension_in_a_tenants_schema_is_moved_before_its_purge(
    open_shop: OpenShop, extension: tuple[str, str, str]
) -> None:
    """Fault 12: an extension that older code made in one tenant's schema outlives that tenant."""
    name, kind, value = extension
    first, second = open_shop(), open_shop()
    ask(first.as_owner(), f"CREATE EXTENSION {name} SCHEMA {first.schema}")
    ask(second.as_owner(), f"CREATE TABLE with_it (c {first.schema}.{kind})")
    delete_tenant(first.slug)
    purge_tenant(first.slug)
    assert home(name) == "extensions"
    ask(second, f"INSERT INTO with_it VALUES ('{value}')")


def test_an_extension_elsewhere_stops_the_migration_and_is_named(
    open_shop: OpenShop, write_migrations: WriteMigrations, extension: tuple[str, str, str]
) -> None:
    """Fault 12: no tenant is told migrated whose extension is in another tenant's schema; a check names it too."""
    name, _, _ = extension
    owner, other = open_shop(), open_shop()
    ask(owner.as_owner(), f"CREATE EXTENSION {name} SCHEMA {owner.schema}")
    write_migrations("0006_extension", f"CreateExtension({name!r}),")
    (error,) = finish([other])
    assert f"'{name}' is in schema '{owner.schema}'" in error
    assert f'ALTER EXTENSION "{name}" SET SCHEMA "extensions"' in error
    (message,) = check_extensions(["default"])
    assert (message.id, name in message.msg, owner.schema in message.msg) == ("tenants.E027", True, True)
    ask(PLATFORM, f'ALTER EXTENSION "{name}" SET SCHEMA "extensions"')
    assert finish([other]) == list(check_extensions(["default"])) == []


def test_an_extension_in_public_is_named_by_a_check(extension: tuple[str, str, str]) -> None:
    """Fault 12: no tenant looks into `public`, and an extension there works for none."""
    name, _, _ = extension
    ask(PLATFORM, f"CREATE EXTENSION {name} SCHEMA public")
    (message,) = check_extensions(["default"])
    assert (message.id, "public" in message.msg) == ("tenants.W006", True)


def test_a_statement_that_names_a_schema_out_of_sight_is_refused(
    open_shop: OpenShop, write_migrations: WriteMigrations, extension: tuple[str, str, str]
) -> None:
    """Fault 12: after `CREATE EXTENSION … SCHEMA public` in a tenant's migration no tenant finds it."""
    name, _, _ = extension
    shop = open_shop()
    write_migrations("0006_public", f"RunSQL('CREATE EXTENSION {name} SCHEMA public', RunSQL.noop),")
    (error,) = finish([shop])
    assert "Leave SCHEMA out" in error
    assert home(name) is None


def test_an_extension_of_pg_catalog_stays_there(open_shop: OpenShop, write_migrations: WriteMigrations) -> None:
    """Fault 12: an extension whose package names its schema is not asked to be elsewhere (`plpgsql` is one)."""
    shop = open_shop()
    write_migrations("0006_extension", "CreateExtension('plpgsql'),")
    assert finish([shop]) == []
    assert home("plpgsql") == "pg_catalog"


def test_an_extension_that_is_not_installed_says_what_to_do(
    open_shop: OpenShop, write_migrations: WriteMigrations
) -> None:
    """Fault 12: the message names the extension and the statement for an administrator."""
    shop = open_shop()
    write_migrations("0006_extension", "CreateExtension('no_such_thing'),")
    (error,) = finish([shop])
    assert "'no_such_thing' could not be created" in error
    assert 'CREATE EXTENSION IF NOT EXISTS "no_such_thing" SCHEMA "extensions"' in error


def test_without_a_superuser_what_is_there_serves_and_what_is_not_is_told(
    open_shop: OpenShop, extension: tuple[str, str, str]
) -> None:
    """Fault 12: on a managed server an administrator makes the extension, and the migration takes what is there."""
    name, _, _ = extension
    shop = open_shop()
    ask(PLATFORM, "CREATE ROLE no_superuser")
    try:
        with use_tenant(replace(shop, role="no_superuser")):
            with pytest.raises(ExtensionRefused, match=f'as a superuser: CREATE EXTENSION IF NOT EXISTS "{name}"'):
                create_extension(name)
        ask(PLATFORM, f"CREATE EXTENSION {name} SCHEMA extensions")
        with use_tenant(replace(shop, role="no_superuser")), connection.cursor() as cursor:
            cursor.execute(create_extension(name))
    finally:
        ask(PLATFORM, "DROP ROLE no_superuser")


def test_migrate_makes_the_schema_for_extensions_that_all_may_use(open_shop: OpenShop) -> None:
    """Fault 12: the control plane's `migrate` makes it, and a tenant's role may use it and create nothing there."""
    shop = open_shop()
    ask(PLATFORM, "DROP SCHEMA extensions")
    call_command("migrate", verbosity=0, stdout=StringIO())
    assert ask(
        shop,
        "SELECT has_schema_privilege(current_user, 'extensions', 'USAGE'),"
        " has_schema_privilege(current_user, 'extensions', 'CREATE')",
    ) == (True, False)
    ask(PLATFORM, "GRANT CREATE ON SCHEMA extensions TO PUBLIC")
    try:
        assert [message.id for message in check_extensions(["default"])] == ["tenants.E028"]
    finally:
        ask(PLATFORM, "REVOKE CREATE ON SCHEMA extensions FROM PUBLIC")


def test_a_tenant_without_a_schema_is_not_migrated_into_that_of_extensions(open_shop: OpenShop) -> None:
    """Fault 12: the last schema of the path never takes what the first was meant for."""
    shop = open_shop()
    ask(PLATFORM, f"DROP SCHEMA {shop.schema} CASCADE")
    with pytest.raises(MigrationFailed, match="is gone"):
        migrate_tenant(shop)
    assert ask(PLATFORM, "SELECT count(*) FROM pg_class WHERE relnamespace = 'extensions'::regnamespace") == (0,)


@pytest.mark.parametrize("name", ["public", "pg_catalog", "pg_x", "information_schema", "t_7", "", "A b", 'x"y'])
def test_a_schema_that_cannot_be_for_extensions_is_refused(name: str) -> None:
    """Fault 12: `public` in a tenant's path would show it the control plane."""
    with override_settings(TENANTS={**settings.TENANTS, "EXTENSION_SCHEMA": name}):
        with pytest.raises(ConfigurationError, match="EXTENSION_SCHEMA"):
            tenancy()


def test_another_schema_for_extensions_is_in_every_path(committed: None) -> None:
    """Fault 12: managed servers have a schema of another name."""
    with override_settings(TENANTS={**settings.TENANTS, "EXTENSION_SCHEMA": "heroku_ext"}):
        assert ask(PLATFORM, "SHOW search_path") == ("public, heroku_ext, pg_temp",)
    assert ask(PLATFORM, "SHOW search_path") == ("public, extensions, pg_temp",)
