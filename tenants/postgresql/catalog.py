"""What a schema is made of, read from PostgreSQL's own catalogue: for comparing schemas with each other."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

Parts = dict[str, str]
"""The parts of a schema: what each is called, as `table goods_sku`, and how it is defined."""

# One query for any number of schemas. Definitions name no schema of a tenant's: where PostgreSQL writes one in front
# of a name, it is taken out, so that equal schemas have equal parts.
_PARTS = r"""
WITH spaces AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY(%(schemas)s))
SELECT s.nspname, 'column ' || c.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                 CASE WHEN a.attidentity <> '' THEN 'identity' END, pg_get_expr(d.adbin, d.adrelid))
  FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('r', 'p')
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
UNION ALL
SELECT s.nspname, 'table ' || c.relname, '' FROM spaces s
  JOIN pg_class c ON c.relnamespace = s.oid AND c.relkind IN ('r', 'p')
UNION ALL
SELECT s.nspname, 'constraint ' || c.relname || '.' || k.conname,
       replace(pg_get_constraintdef(k.oid), s.nspname || '.', '')
  FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid JOIN pg_constraint k ON k.conrelid = c.oid
  WHERE k.contype <> 'n'
UNION ALL
SELECT s.nspname, 'index ' || i.indexname, replace(i.indexdef, s.nspname || '.', '')
  FROM spaces s JOIN pg_indexes i ON i.schemaname = s.nspname
UNION ALL
SELECT s.nspname, 'view ' || v.viewname, replace(v.definition, s.nspname || '.', '')
  FROM spaces s JOIN pg_views v ON v.schemaname = s.nspname
UNION ALL
SELECT s.nspname, 'trigger ' || c.relname || '.' || t.tgname,
       replace(pg_get_triggerdef(t.oid), s.nspname || '.', '') || CASE t.tgenabled WHEN 'D' THEN ' disabled' ELSE '' END
  FROM spaces s JOIN pg_class c ON c.relnamespace = s.oid JOIN pg_trigger t ON t.tgrelid = c.oid
  WHERE NOT t.tgisinternal
"""


def parts_of(schemas: Collection[str]) -> dict[str, Parts]:
    """Return the parts of each of `schemas`; a schema that is not there has none."""
    found: dict[str, Parts] = {schema: {} for schema in schemas}
    with connection.cursor() as cursor:
        cursor.execute(_PARTS, {"schemas": list(schemas)})
        for schema, name, definition in cursor.fetchall():
            found[schema][name] = definition
    return found


def differences(parts: Parts, expected: Parts) -> list[str]:
    """Return, in words, how a schema differs from what is expected."""
    missing = [f"{name} is missing" for name in expected.keys() - parts.keys()]
    extra = [f"{name} should not be there" for name in parts.keys() - expected.keys()]
    other = [
        f"{name} is {parts[name]!r}, expected {expected[name]!r}"
        for name in parts.keys() & expected.keys()
        if parts[name] != expected[name]
    ]
    return sorted(missing) + sorted(other) + sorted(extra)
