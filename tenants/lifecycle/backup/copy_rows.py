"""Copy of all rows from one schema to another with the same structure, inside PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from psycopg import sql

# Without generated columns, which PostgreSQL computes and does not accept.
_COLUMNS = """
SELECT c.relname, a.attname, a.atttypid,
       replace(format_type(a.atttypid, a.atttypmod),
               CASE WHEN t.typnamespace = n.oid THEN quote_ident(n.nspname) || '.' ELSE '' END, '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY c.relname, a.attnum
"""
_RELATIONS = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = %s AND c.relispopulated ORDER BY c.oid
"""
# The sequence of a column is identified by the column, since its name may be from before a rename of the table.
_SEQUENCES = """
SELECT coalesce(c.relname || '.' || a.attname, ''), s.relname FROM pg_class s
JOIN pg_namespace n ON n.oid = s.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
LEFT JOIN pg_class c ON c.oid = d.refobjid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE n.nspname = %s AND s.relkind = 'S' ORDER BY s.relname
"""
# Triggers and rules that fire for ordinary statements; the internal ones are foreign keys.
_TRIGGERS = """
SELECT c.relname, 'TRIGGER', t.tgname, CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgparentid = 0
    AND c.relkind IN ('r', 'p')
UNION ALL
SELECT c.relname, 'RULE', r.rulename, CASE r.ev_enabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND r.rulename <> '_RETURN' AND r.ev_enabled IN ('O', 'A') AND c.relkind IN ('r', 'p')
"""
# Foreign keys that are checked at once, which would require an order of the tables.
_IMMEDIATE = """
SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = quote_ident(%s)::regnamespace AND k.contype = 'f' AND NOT k.condeferrable AND k.conparentid = 0
"""
# OVERRIDING keeps the values of identity columns; it has no effect on tables without one.
_COPY = "INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM ONLY {source}"
_CONTINUE = "SELECT setval({name}, last_value, is_called) FROM {source}"
# With FORCE ROW LEVEL SECURITY, the owner gets an error and not just some of the rows.
_EVERY_ROW = "SELECT set_config('row_security', %s, true)"


@dataclass(frozen=True, slots=True)
class Column:
    """A writable column."""

    name: str
    type_id: int
    type_name: str
    """In SQL, without the schema if the type is in the table's schema."""

    def holds_the_same_as(self, other: Column) -> bool:
        """Return whether values of one column fit into the other."""
        return self.type_id == other.type_id or self.type_name == other.type_name


Columns = dict[str, dict[str, Column]]
"""The writable columns of each table, in order."""


def columns_of(schema: str) -> Columns:
    columns: Columns = {}
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [schema])
        for table, name, type_id, type_name in cursor.fetchall():
            columns.setdefault(table, {})[name] = Column(name, type_id, type_name)
    return columns


def sequences_of(schema: str) -> dict[str, str]:
    """Return the sequences of a schema by their column (`goods_goods.id`), or by name if they have none."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [schema])
        return {column or name: name for column, name in cursor.fetchall()}


def copy_rows(source: str, target: str, *, without: Collection[str] = (), progress: Callable[[int, int], None]) -> None:
    """Replace the rows of schema `target` by those of `source`, except in the tables `without`, which become empty.

    Both schemas have the same tables, columns, sequences and types. Sequences of `target` continue where those of
    `source` are. Triggers and rules are disabled, because their effects are in the rows already. Needs the owner's
    rights and a REPEATABLE READ transaction.
    """
    columns, there = columns_of(source), columns_of(target)
    with connection.cursor() as cursor, _every_row(), _triggers_disabled(target), _foreign_keys_deferred(target):
        everything = sql.SQL(", ").join(sql.Identifier(target, table) for table in columns)
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(everything))
        for done, table in enumerate(columns):
            progress(done, len(columns))
            if table not in without:
                cursor.execute(_copy(source, target, table, columns[table], there[table]))
        _continue_sequences(source, target)
        connection.check_constraints()
        for view in _relations(source, "m"):
            cursor.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(target, view)))


def _continue_sequences(source: str, target: str) -> None:
    there = sequences_of(target)
    for key, sequence in sequences_of(source).items():
        name = sql.Literal(sql.Identifier(target, there[key]).as_string())
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(_CONTINUE).format(name=name, source=sql.Identifier(source, sequence)))


def count_rows(schema: str) -> dict[str, int]:
    """Return the exact number of rows of each table."""
    tables = _relations(schema, "r")
    counts = {}
    with connection.cursor() as cursor, _every_row():
        for table in tables:
            cursor.execute(sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table)))
            counts[table] = int(cursor.fetchone()[0])
    return counts


def _copy(source: str, target: str, table: str, columns: dict[str, Column], there: dict[str, Column]) -> sql.Composed:
    return sql.SQL(_COPY).format(
        target=sql.Identifier(target, table),
        source=sql.Identifier(source, table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(_value(target, column, there[name]) for name, column in columns.items()),
    )


def _value(target: str, column: Column, there: Column) -> sql.Composed | sql.Identifier:
    """Return the SQL for a column's value; types that each schema defines are cast through text."""
    name = sql.Identifier(column.name)
    if column.type_id == there.type_id:
        return name
    return sql.SQL("{}::text::{}.{}").format(name, sql.Identifier(target), sql.SQL(there.type_name))


def _relations(schema: str, kind: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS, [schema, kind])
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def _every_row() -> Iterator[None]:
    """Make statements inside the block fail if a policy would hide rows."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERY_ROW, ["off"])
        yield
        cursor.execute(_EVERY_ROW, ["on"])


@contextmanager
def _foreign_keys_deferred(schema: str) -> Iterator[None]:
    """Check all foreign keys of a schema at the end of the block."""
    alter = sql.SQL("ALTER TABLE {} ALTER CONSTRAINT {} {}")
    with connection.cursor() as cursor:
        cursor.execute(_IMMEDIATE, [schema])
        found = [(sql.Identifier(schema, table), sql.Identifier(name)) for table, name in cursor]
        for table, name in found:
            cursor.execute(alter.format(table, name, sql.SQL("DEFERRABLE INITIALLY DEFERRED")))
        yield
        for table, name in found:
            cursor.execute(alter.format(table, name, sql.SQL("NOT DEFERRABLE")))


@contextmanager
def _triggers_disabled(schema: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS, {"schema": schema})
        found = [
            (sql.Identifier(schema, table), sql.SQL(kind), sql.Identifier(name), sql.SQL(how))
            for table, kind, name, how in cursor
        ]
        connection.check_constraints()  # ALTER TABLE and TRUNCATE fail while deferred checks are pending
        for table, kind, name, _ in found:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE {} {}").format(table, kind, name))
        yield
        for table, kind, name, how in found:
            cursor.execute(sql.SQL("ALTER TABLE {} {} {} {}").format(table, how, kind, name))
