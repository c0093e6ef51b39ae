"""Copying the rows of one schema into another of the same structure, inside PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg import sql

# Generated columns are left out: PostgreSQL works them out itself and takes no value for them.
_COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = %s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY c.relname, a.attnum
"""
_RELATIONS = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = %s ORDER BY c.oid
"""
# Those that fire for ordinary statements; the internal ones are foreign keys.
_TRIGGERS = """
SELECT c.relname, t.tgname, CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgparentid = 0
"""
# OVERRIDING keeps the numbers of identity columns, and means nothing for tables without one.
_COPY = "INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM ONLY {source}"
_CONTINUE = "SELECT setval({name}, last_value, is_called) FROM {source}"

Columns = dict[str, list[str]]
"""The columns of each table that can be written, in order."""


def columns_of(schema: str) -> Columns:
    """Return the tables of a schema and their columns that can be written."""
    columns: Columns = {}
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [schema])
        for table, column in cursor.fetchall():
            columns.setdefault(table, []).append(column)
    return columns


def copy_rows(source: str, target: str, *, without: Collection[str] = (), progress: Callable[[int, int], None]) -> None:
    """Make the rows of schema `target` those of `source`, but for the tables `without`, which are left empty.

    Both have the same tables and columns. Whatever was in `target` goes; its sequences go on where those of `source`
    are. Triggers stay silent: what they would do has been done to the rows once. Needs the owner's rights, and a
    transaction in which all is seen as at one moment.
    """
    columns = columns_of(source)
    with connection.cursor() as cursor, _triggers_silent(target):
        everything = sql.SQL(", ").join(sql.Identifier(target, table) for table in columns)
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(everything))
        for done, (table, names) in enumerate(columns.items()):
            progress(done, len(columns))
            if table not in without:
                cursor.execute(_copy(source, target, table, names))
        for sequence in _relations(source, "S"):
            name = sql.Identifier(target, sequence).as_string()
            cursor.execute(
                sql.SQL(_CONTINUE).format(name=sql.Literal(name), source=sql.Identifier(source, sequence)),
            )
        connection.check_constraints()
        for view in _relations(target, "m"):
            cursor.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(target, view)))


def count_rows(schema: str) -> dict[str, int]:
    """Return how many rows each table of a schema has, counted one by one."""
    tables = _relations(schema, "r")
    counts = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table)))
            counts[table] = int(cursor.fetchone()[0])
    return counts


def _copy(source: str, target: str, table: str, names: list[str]) -> sql.Composed:
    return sql.SQL(_COPY).format(
        target=sql.Identifier(target, table),
        source=sql.Identifier(source, table),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
    )


def _relations(schema: str, kind: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS, [schema, kind])
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def _triggers_silent(schema: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS, [schema])
        triggers = [(sql.Identifier(schema, table), sql.Identifier(name), how) for table, name, how in cursor]
        connection.check_constraints()  # ALTER TABLE and TRUNCATE refuse while checks of earlier rows are waiting
        for table, name, _ in triggers:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(table, name))
        yield
        for table, name, how in triggers:
            cursor.execute(sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(table, sql.SQL(how), name))
