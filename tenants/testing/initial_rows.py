"""Initial rows of a test database, restored after a test that commits.

After such a test (`TransactionTestCase`, `transaction=True`, `live_server`) Django runs the command `flush`. It would
also delete the tenants.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
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
"""By schema and table: the writable columns, and the rows in the format of COPY."""

_saved: Rows = {}


def save_rows() -> None:
    """Save all rows of the control plane and of the tenants, and make `flush` restore them."""
    tenants = all_tenants()
    with use_tenant(PLATFORM):
        columns = {schema: columns_of(schema) for schema in ["public", *(tenant.schema for tenant in tenants)]}
    with closing(connect_directly()) as session:
        _saved.clear()
        _saved.update({schema: _rows_of(session, schema, tables) for schema, tables in columns.items()})
    DatabaseCreation.put_rows_back = restore_rows


def discard_rows() -> None:
    DatabaseCreation.put_rows_back = None
    _saved.clear()


def restore_rows() -> None:
    """Restore all saved rows, and purge the tenants that were created since."""
    connection.close()
    with use_tenant(PLATFORM):
        since = list(Tenant.objects.exclude(pk__in=_saved_ids()).values_list("pk", flat=True))
    for tenant_id in since:
        drop_tenant(tenant_id)
    connection.close()
    tables = [sql.Identifier(schema, table) for schema, found in _saved.items() for table in found]
    with closing(connect_directly()) as session, session.transaction():
        session.execute("SET LOCAL lock_timeout = '60s'")
        names = session.execute(_WITH_TRIGGERS, [list(_saved)]).fetchall()
        with_triggers = [sql.Identifier(*name) for name in names]
        _triggers(session, with_triggers, "DISABLE")  # the saved rows have their effects
        session.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables)))
        session.execute("SET CONSTRAINTS ALL DEFERRED")
        for schema, found in _saved.items():
            for table, (columns, rows) in found.items():
                if rows:
                    with session.cursor().copy(_copy(schema, table, columns, "FROM STDIN")) as copy:
                        copy.write(rows)
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks cannot be altered
        _triggers(session, with_triggers, "ENABLE")
    registry.clear()


def drop_tenant(tenant_id: int) -> None:
    """Purge a tenant of a test, in any state; do nothing if it does not exist."""
    with use_tenant(PLATFORM):
        row = Tenant.objects.filter(pk=tenant_id)
        row.update(status=Tenant.Status.DELETED)
        slug = row.values_list("slug", flat=True).first()
    if slug is not None:
        purge_tenant(slug)


def _saved_ids() -> list[int]:
    return [int(schema.removeprefix("t_")) for schema in _saved if schema != "public"]


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
