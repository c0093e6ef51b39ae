"""The rows of a test database as they were at first: put back after a test that commits what it does.

Django empties the database after such a test (`TransactionTestCase`, `transaction=True`, `live_server`), with the
command `flush`. The tenants would be gone with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from tenants.context import PLATFORM, use_tenant
from tenants.lifecycle import purge_tenant
from tenants.lifecycle.backup.copy_rows import Columns, columns_of
from tenants.models import Tenant
from tenants.postgresql.creation import DatabaseCreation
from tenants.postgresql.direct_connection import connect_directly
from tenants.registry.lookup import registry
from tenants.registry.tenant_info import all_tenants

_WITH_TRIGGERS = """
SELECT DISTINCT n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
"""

Rows = dict[str, dict[str, tuple[list[str], bytes]]]
"""By schema and table: the columns that can be written, and the rows as COPY has them."""

_kept: Rows = {}


def keep_rows() -> None:
    """Remember all rows of the control plane and of the tenants, and have `flush` put them back."""
    tenants = all_tenants()
    with use_tenant(PLATFORM):
        columns = {schema: columns_of(schema) for schema in ["public", *(tenant.schema for tenant in tenants)]}
    with connect_directly() as session:
        _kept.clear()
        _kept.update({schema: _rows_of(session, schema, tables) for schema, tables in columns.items()})
    DatabaseCreation.put_rows_back = put_rows_back


def forget_rows() -> None:
    """Let `flush` empty the control plane again."""
    DatabaseCreation.put_rows_back = None
    _kept.clear()


def put_rows_back() -> None:
    """Make all rows what they were when they were kept; tenants that were opened since are taken away."""
    connection.close()
    with use_tenant(PLATFORM):
        since = list(Tenant.objects.exclude(pk__in=_kept_ids()).values_list("pk", flat=True))
    for tenant_id in since:
        take_away(tenant_id)
    connection.close()
    tables = [sql.Identifier(schema, table) for schema, found in _kept.items() for table in found]
    with connect_directly() as session, session.transaction():
        session.execute("SET LOCAL lock_timeout = '60s'")
        noisy = [sql.Identifier(*names) for names in session.execute(_WITH_TRIGGERS, [list(_kept)]).fetchall()]
        _triggers(session, noisy, "DISABLE")  # what they would do is in the rows
        session.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables)))
        session.execute("SET CONSTRAINTS ALL DEFERRED")
        for schema, found in _kept.items():
            for table, (columns, rows) in found.items():
                if rows:
                    with session.cursor().copy(_copy(schema, table, columns, "FROM STDIN")) as copy:
                        copy.write(rows)
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
        _triggers(session, noisy, "ENABLE")
    registry.clear()


def take_away(tenant_id: int) -> None:
    """Purge a tenant of a test, whatever has become of it; one that is gone already is fine."""
    with use_tenant(PLATFORM):
        row = Tenant.objects.filter(pk=tenant_id)
        row.update(status=Tenant.Status.DELETED)
        slug = row.values_list("slug", flat=True).first()
    if slug is not None:
        purge_tenant(slug)


def _kept_ids() -> list[int]:
    return [int(schema.removeprefix("t_")) for schema in _kept if schema != "public"]


def _rows_of(session: psycopg.Connection[Any], schema: str, tables: Columns) -> dict[str, tuple[list[str], bytes]]:
    found = {}
    for table, columns in tables.items():
        with session.cursor().copy(_copy(schema, table, columns, "TO STDOUT")) as copy:
            found[table] = (list(columns), b"".join(bytes(part) for part in copy))
    return found


def _copy(schema: str, table: str, columns: Iterable[str], way: str) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) {}").format(sql.Identifier(schema, table), names, sql.SQL(way))


def _triggers(session: psycopg.Connection[Any], tables: Iterable[sql.Identifier], what: str) -> None:
    for table in tables:
        session.execute(sql.SQL("ALTER TABLE {} {} TRIGGER USER").format(table, sql.SQL(what)))
