"""Objects of schema `public` and the dependencies between them, from PostgreSQL's catalog."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.lifecycle.adoption.catalog import rows_of

# Indexes, constraints, defaults, triggers, policies, rules, row types and sequences of columns are parts of a table.
_PARTS = """
WITH class AS (
    SELECT c.oid, c.relkind, c.reltype, x.indrelid, (
        SELECT refobjid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
           AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') LIMIT 1) AS holder
      FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace
), type AS (
    SELECT t.oid, coalesce(r.rngtypid, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END) AS base
      FROM pg_type t LEFT JOIN pg_range r ON r.rngmultitypid = t.oid WHERE t.typnamespace = 'public'::regnamespace
), part (classid, objid, home_class, home) AS (
    SELECT 'pg_class'::regclass::oid, oid, CASE WHEN relkind = 'c' THEN 'pg_type' ELSE 'pg_class' END::regclass::oid,
           CASE WHEN relkind = 'c' THEN reltype ELSE coalesce(indrelid, holder, oid) END FROM class
    UNION ALL SELECT 'pg_proc'::regclass, oid, 'pg_proc'::regclass, oid FROM pg_proc
               WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'pg_type'::regclass, y.oid,
                     CASE WHEN c.relkind <> 'c' THEN 'pg_class' ELSE 'pg_type' END::regclass,
                     CASE WHEN c.relkind <> 'c' THEN c.oid ELSE t.oid END
                FROM type y JOIN pg_type t ON t.oid = y.base LEFT JOIN pg_class c ON c.oid = t.typrelid
    UNION ALL SELECT 'pg_constraint'::regclass, oid,
                     CASE WHEN conrelid = 0 THEN 'pg_type' ELSE 'pg_class' END::regclass,
                     CASE WHEN conrelid = 0 THEN contypid ELSE conrelid END FROM pg_constraint
    UNION ALL SELECT 'pg_attrdef'::regclass, oid, 'pg_class'::regclass, adrelid FROM pg_attrdef
    UNION ALL SELECT 'pg_rewrite'::regclass, oid, 'pg_class'::regclass, ev_class FROM pg_rewrite
    UNION ALL SELECT 'pg_policy'::regclass, oid, 'pg_class'::regclass, polrelid FROM pg_policy
    UNION ALL SELECT 'pg_trigger'::regclass, oid, 'pg_class'::regclass, tgrelid FROM pg_trigger WHERE NOT tgisinternal
)
"""
_THINGS = f"""{_PARTS}
SELECT DISTINCT p.home_class::text || '.' || p.home, i.type, i.identity, coalesce(i.name, c.proname)
  FROM part p CROSS JOIN pg_identify_object(p.home_class, p.home, 0) i
  LEFT JOIN pg_proc c ON p.home_class = 'pg_proc'::regclass AND c.oid = p.home
 WHERE p.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
   AND i.schema = 'public' AND NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.classid = p.home_class AND d.objid = p.home AND d.deptype = 'e')
 ORDER BY 3
"""  # noqa: S608  # no value from outside
_EDGES = f"""{_PARTS}
SELECT DISTINCT a.home_class::text || '.' || a.home, b.home_class::text || '.' || b.home
  FROM pg_depend d JOIN part a ON a.classid = d.classid AND a.objid = d.objid
  JOIN part b ON b.classid = d.refclassid AND b.objid = d.refobjid
 WHERE d.deptype <> 'e' AND d.refobjid >= 16384 AND (a.home_class, a.home) <> (b.home_class, b.home)
"""  # noqa: S608  # no value from outside

Edge = tuple[str, str]
"""Keys of an object and of one that it depends on."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that `ALTER … SET SCHEMA` can move, with all its parts."""

    key: str
    kind: str
    """In PostgreSQL's words: table, view, sequence, function, type …"""
    identity: str
    """With its schema, quoted, as SQL has it."""
    name: str


def objects_of_public() -> tuple[list[Thing], list[Edge]]:
    """Return the objects of `public`, without those of extensions, and the dependencies between them."""
    return [Thing(*row) for row in rows_of(_THINGS)], [(dependent, needed) for dependent, needed in rows_of(_EDGES)]
