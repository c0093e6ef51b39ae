"""Catalog queries about many schemas at once. Their number does not depend on the number of schemas."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from tenants.models.code_release import Key

_BATCH = 250
"""Schemas whose migrations are read in one statement: each takes a lock until it ends."""

_ALL = r"""
SELECT nspname FROM pg_namespace
 WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') ORDER BY nspname
"""
_TABLES = """
SELECT n.nspname, array_agg(c.relname::text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p') GROUP BY n.nspname
"""
_FOREIGN_KEYS = """
SELECT n.nspname, c.relname, a.attname, m.nspname, r.relname
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace m ON m.oid = r.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
 WHERE k.contype = 'f' AND n.oid <> m.oid AND (n.nspname = ANY(%(schemas)s) OR m.nspname = ANY(%(schemas)s))
 ORDER BY 1, 2, 3
"""
# The schema of each object that can depend on another: its own, or that of the table it is a part of.
PLACES = """
SELECT 'pg_class'::regclass::oid AS classid, oid AS objid, relnamespace AS home FROM pg_class
UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace FROM pg_constraint WHERE contype <> 'f'
UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace FROM pg_opclass
UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace FROM pg_opfamily
UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace FROM pg_collation
UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace FROM pg_ts_config
UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace FROM pg_ts_dict
UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace FROM pg_statistic_ext
UNION ALL SELECT 'pg_attrdef'::regclass, p.oid, c.relnamespace FROM pg_attrdef p JOIN pg_class c ON c.oid = p.adrelid
UNION ALL SELECT 'pg_rewrite'::regclass, p.oid, c.relnamespace FROM pg_rewrite p JOIN pg_class c ON c.oid = p.ev_class
UNION ALL SELECT 'pg_policy'::regclass, p.oid, c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
UNION ALL SELECT 'pg_trigger'::regclass, p.oid, c.relnamespace
  FROM pg_trigger p JOIN pg_class c ON c.oid = p.tgrelid WHERE NOT p.tgisinternal
"""
# One hash join over pg_depend: as fast as reading it, and complete. Objects below 16384 are PostgreSQL's own.
_CROSSING = f"""
WITH place AS MATERIALIZED ({PLACES}),
of_system AS (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema'),
adopted AS (SELECT oid FROM pg_namespace WHERE nspname = ANY(%(schemas)s))
SELECT n.nspname, pg_describe_object(d.classid, d.objid, d.objsubid), m.nspname,
       pg_describe_object(d.refclassid, d.refobjid, 0), e.extname
  FROM pg_depend d JOIN place a ON a.classid = d.classid AND a.objid = d.objid
  JOIN place b ON b.classid = d.refclassid AND b.objid = d.refobjid
  JOIN pg_namespace n ON n.oid = a.home JOIN pg_namespace m ON m.oid = b.home
  LEFT JOIN pg_depend x ON x.classid = d.refclassid AND x.objid = d.refobjid AND x.deptype = 'e'
  LEFT JOIN pg_extension e ON e.oid = x.refobjid
 WHERE d.refobjid >= 16384 AND d.deptype <> 'e' AND a.home <> b.home
   AND a.home NOT IN (SELECT oid FROM of_system) AND b.home NOT IN (SELECT oid FROM of_system)
   AND (a.home IN (SELECT oid FROM adopted) OR b.home IN (SELECT oid FROM adopted))
 ORDER BY 1, 2, 4
"""  # noqa: S608  # no value from outside
# PostgreSQL does not track names inside the text of a function, so they do not follow when the schema is renamed.
_NAMED_IN_TEXT = r"""
SELECT n.nspname, pg_describe_object('pg_proc'::regclass, p.oid, 0)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = ANY(%(schemas)s)
   AND (p.prosrc || ' ' || coalesce(p.proconfig::text, '')) ~
       ('(\m|["''])' || regexp_replace(n.nspname, '([^\w])', '\\\1', 'g') || '("?\s*\.|["'']|\M[,}])')
UNION
SELECT n.nspname, pg_describe_object('pg_trigger'::regclass, t.oid, 0)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND NOT t.tgisinternal
   AND position(n.nspname in encode(t.tgargs, 'escape')) > 0
 ORDER BY 1, 2
"""
_FOREIGN_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%(schemas)s) AND c.relkind = 'f' ORDER BY 1, 2
"""
_OWNERS = """
SELECT o.nspname, r.rolname FROM pg_roles r JOIN (
    SELECT nspname, nspowner AS owner FROM pg_namespace WHERE nspname = ANY(%(schemas)s)
    UNION SELECT n.nspname, c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = ANY(%(schemas)s)
    UNION SELECT n.nspname, p.proowner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE n.nspname = ANY(%(schemas)s)) o ON o.owner = r.oid
 WHERE NOT pg_has_role(current_user, r.oid, 'USAGE') ORDER BY 1, 2
"""
_MAY_CREATE_ROLES = "SELECT current_user::text, rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
_EXTENSIONS = """
SELECT e.extname, n.nspname, e.extrelocatable, pg_has_role(current_user, e.extowner, 'USAGE')
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname <> 'pg_catalog' ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A dependency of an object in one schema on an object in another."""

    schema: str
    what: str
    other: str
    needs: str
    extension: str
    """The extension that the needed object belongs to; empty: none."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key from one schema into another."""

    schema: str
    table: str
    column: str
    other: str
    other_table: str


@dataclass(frozen=True, slots=True)
class InstalledExtension:
    name: str
    schema: str
    is_movable: bool
    is_owned: bool


def rows_of(query: str, schemas: Collection[str] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"schemas": list(schemas)} if schemas else None)
        return list(cursor.fetchall())


def all_schemas() -> list[str]:
    """Return the schemas that are neither PostgreSQL's own nor `public`."""
    return [name for (name,) in rows_of(_ALL)]


def tables_of(schemas: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the tables of each schema that has any."""
    return {schema: frozenset(tables) for schema, tables in rows_of(_TABLES, schemas)} if schemas else {}


def histories_of(schemas: Sequence[str]) -> Iterator[tuple[str, frozenset[Key]]]:
    """Yield each schema with its recorded migrations. Each must have a table `django_migrations`."""
    each = sql.SQL("SELECT {}, array_agg(app::text || '.' || name) FROM {}")
    for start in range(0, len(schemas), _BATCH):
        batch = schemas[start : start + _BATCH]
        parts = [each.format(sql.Literal(name), sql.Identifier(name, "django_migrations")) for name in batch]
        for schema, names in rows_of(sql.SQL(" UNION ALL ").join(parts).as_string()):
            yield schema, frozenset((app, name) for app, _, name in (text.partition(".") for text in names or ()))


def foreign_keys_across(schemas: Collection[str]) -> list[ForeignKey]:
    return [ForeignKey(*row) for row in rows_of(_FOREIGN_KEYS, schemas)]


def dependencies_across(schemas: Collection[str]) -> list[Crossing]:
    """Return the dependencies between the schemas and others, without foreign keys."""
    with transaction.atomic(), connection.cursor() as cursor:
        # PostgreSQL expects one row of each join here, and nested loops would take an hour.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_CROSSING, {"schemas": list(schemas)})
        rows = cursor.fetchall()
        cursor.execute("SET LOCAL enable_nestloop = on")
    return [Crossing(schema, what, other, needs, name or "") for schema, what, other, needs, name in rows]


def texts_naming_schema(schemas: Collection[str]) -> list[tuple[str, str]]:
    """Return the functions and triggers whose text names their schema."""
    return rows_of(_NAMED_IN_TEXT, schemas)


def foreign_tables(schemas: Collection[str]) -> list[tuple[str, str]]:
    return rows_of(_FOREIGN_TABLES, schemas)


def owners_out_of_reach(schemas: Collection[str]) -> list[tuple[str, str]]:
    """Return the owners whose rights the current user does not have."""
    return rows_of(_OWNERS, schemas)


def user_without_createrole() -> str:
    """Return the current user if it may not create the tenants' roles, else an empty text."""
    user, is_allowed = rows_of(_MAY_CREATE_ROLES)[0]
    return "" if is_allowed else str(user)


def installed_extensions() -> list[InstalledExtension]:
    return [InstalledExtension(*row) for row in rows_of(_EXTENSIONS)]
