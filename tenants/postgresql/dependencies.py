"""Dependencies of a schema on objects outside it: extensions, and objects that a restore cannot create."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

# Objects in a schema depend on it, and parts of these, such as defaults and triggers, depend on the objects. Objects
# with an OID below 16384 are PostgreSQL's. An array type depends on its element type, a row type on its table.
_NEEDED = """
WITH RECURSIVE own (classid, objid) AS (
    SELECT d.classid, d.objid FROM pg_depend d
     WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%(schema)s))
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
    UNION
    SELECT d.classid, d.objid FROM pg_depend d JOIN own o ON d.refclassid = o.classid AND d.refobjid = o.objid
     WHERE d.deptype IN ('a', 'i', 'P', 'S')
), needed AS MATERIALIZED (
    SELECT d.refclassid AS classid, d.refobjid AS objid,
           min(pg_describe_object(o.classid, o.objid, d.objsubid)) AS needed_by
      FROM own o JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid
     WHERE d.refobjid >= 16384 AND d.refclassid <> 'pg_namespace'::regclass AND d.deptype <> 'e'
       AND NOT EXISTS (SELECT FROM own x WHERE x.classid = d.refclassid AND x.objid = d.refobjid)
     GROUP BY 1, 2
), whole (classid, objid, needed_by, part_class, part) AS (
    SELECT classid, objid, needed_by, classid, objid FROM needed
    UNION
    SELECT w.classid, w.objid, w.needed_by, d.refclassid, d.refobjid
      FROM whole w JOIN pg_depend d ON d.classid = w.part_class AND d.objid = w.part AND d.deptype = 'i'
)
SELECT pg_describe_object(w.classid, w.objid, 0), min(w.needed_by), min(e.extname), min(e.extversion),
       min(n.nspname), bool_and(e.extrelocatable)
  FROM whole w
  LEFT JOIN pg_depend m ON m.classid = w.part_class AND m.objid = w.part AND m.deptype = 'e'
  LEFT JOIN pg_extension e
    ON e.oid = m.refobjid OR (w.part_class = 'pg_extension'::regclass AND e.oid = w.part)
  LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
 GROUP BY w.classid, w.objid ORDER BY 1
"""
_ROLES = """
SELECT pg_describe_object('pg_policy'::regclass, p.oid, 0), r.rolname
  FROM pg_depend d JOIN pg_policy p ON d.classid = 'pg_class'::regclass AND p.polrelid = d.objid
  JOIN pg_roles r ON r.oid = ANY(p.polroles)
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%(schema)s)) ORDER BY 1
"""

# PostgreSQL does not track names in the text of a function or in the arguments of a trigger. If these name the schema,
# the restored copy would read the schema that was backed up.
_NAMING_ITSELF = r"""
SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0)
  FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%(schema)s))
   AND p.prosrc ~ ('\m' || %(schema)s || '\M')
UNION
SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0)
  FROM pg_depend d JOIN pg_trigger t ON d.classid = 'pg_class'::regclass AND t.tgrelid = d.objid
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%(schema)s))
   AND NOT t.tgisinternal AND encode(t.tgargs, 'escape') ~ ('\m' || %(schema)s || '\M')
 ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension that a dumped schema uses."""

    name: str
    version: str
    schema: str
    """The schema of the extension, which the dump names before its types and functions."""


@dataclass(frozen=True, slots=True)
class SchemaDependencies:
    extensions: tuple[Extension, ...]
    unmet: tuple[str, ...]
    """Descriptions of the dependencies that a restore cannot create."""


def dependencies_of(schema: str) -> SchemaDependencies:
    """Return what has to exist before the structure of a schema can be restored elsewhere."""
    extensions, unmet = set(), []
    with connection.cursor() as cursor:
        cursor.execute(_NEEDED, {"schema": schema})
        for what, needed_by, name, version, home, is_movable in cursor.fetchall():
            if name is None:
                unmet.append(f"{needed_by} needs {what}")
            elif home == schema and not is_movable:
                unmet.append(f"{needed_by} needs the extension {name}, which is in this schema and cannot be moved")
            else:
                extensions.add((name, version, home))
        cursor.execute(_ROLES, {"schema": schema})
        unmet += [f"{policy} is for the role {role} alone" for policy, role in cursor.fetchall()]
        cursor.execute(_NAMING_ITSELF, {"schema": schema})
        unmet += [f"{what} names the schema {schema} in its text" for (what,) in cursor.fetchall()]
    found = (Extension(name=name, version=version, schema=home) for name, version, home in sorted(extensions))
    return SchemaDependencies(tuple(found), tuple(unmet))
