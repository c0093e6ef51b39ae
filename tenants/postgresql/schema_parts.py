"""Parts of a schema from PostgreSQL's catalog, and the differences between two schemas."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection

from django.db import connection

Parts = dict[str, str]
"""The parts of a schema: name, such as `table goods_sku`, and definition."""

# pg_depend has an index, so the query takes as long in a catalog with many schemas. With the schema in the search path,
# PostgreSQL's definitions leave its name out.
_OWN = """
WITH own AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend d
     WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%(schema)s))
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
), relation AS MATERIALIZED (
    SELECT c.* FROM own JOIN pg_class c ON own.classid = 'pg_class'::regclass AND c.oid = own.objid
), tables AS MATERIALIZED (
    SELECT * FROM relation WHERE relkind IN ('r', 'p', 'f')
), of_column AS MATERIALIZED (
    SELECT s.oid AS sequence, d.refobjid AS relation, d.refobjsubid AS number
      FROM relation s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
     WHERE s.relkind = 'S'
)
"""
_PARTS = {
    "table": """
SELECT c.relname, concat_ws(' ', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
       CASE c.relkind WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid) WHEN 'f' THEN 'foreign' END,
       (SELECT 'child of ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
          FROM pg_inherits i WHERE i.inhrelid = c.oid),
       pg_get_expr(c.relpartbound, c.oid), CASE WHEN c.relrowsecurity THEN 'with policies' END,
       CASE WHEN c.relforcerowsecurity THEN 'for its owner too' END,
       CASE WHEN c.relreplident <> 'd' THEN 'replica identity ' || c.relreplident::text END, c.reloptions::text)
  FROM tables c""",
    "column": """
SELECT c.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                 CASE a.attidentity WHEN 'a' THEN 'identity' WHEN 'd' THEN 'identity by default' END,
                 CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || a.attcollation::regcollation::text END,
                 CASE WHEN a.attgenerated <> '' THEN 'generated' END,
                 CASE WHEN o.sequence IS NOT NULL AND d.oid IS NOT NULL THEN 'from its sequence'
                      ELSE pg_get_expr(d.adbin, d.adrelid) END)
  FROM tables c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  LEFT JOIN of_column o ON o.relation = c.oid AND o.number = a.attnum""",
    "constraint": """
SELECT c.relname || '.' || k.conname, pg_get_constraintdef(k.oid, true)
  FROM tables c JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype <> 'n'""",
    "index": """
SELECT x.relname,
       replace(pg_get_indexdef(x.oid, 0, true), ' INDEX ' || quote_ident(x.relname) || ' ON ', ' INDEX ON ')
       || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
       || CASE WHEN i.indisreplident THEN ' replica identity' ELSE '' END
  FROM relation c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid""",
    "view": "SELECT c.relname, concat_ws(' ', c.reloptions::text, pg_get_viewdef(c.oid, true))"
    " FROM relation c WHERE c.relkind = 'v'",
    "materialized view": "SELECT c.relname, pg_get_viewdef(c.oid, true) FROM relation c WHERE c.relkind = 'm'",
    "sequence": """
SELECT coalesce('of ' || c.relname || '.' || a.attname, s.relname),
       concat_ws(' ', format_type(q.seqtypid, NULL), 'by', q.seqincrement, 'from', q.seqmin, 'to', q.seqmax,
                 CASE WHEN q.seqcycle THEN 'cycle' END)
  FROM relation s JOIN pg_sequence q ON q.seqrelid = s.oid LEFT JOIN of_column o ON o.sequence = s.oid
  LEFT JOIN pg_class c ON c.oid = o.relation
  LEFT JOIN pg_attribute a ON a.attrelid = o.relation AND a.attnum = o.number""",
    "trigger": """
SELECT c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid, true)
       || CASE t.tgenabled WHEN 'D' THEN ' disabled' WHEN 'A' THEN ' always' WHEN 'R' THEN ' replica' ELSE '' END
  FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal""",
    "policy": """
SELECT c.relname || '.' || p.polname, concat_ws(' ', p.polcmd, CASE WHEN NOT p.polpermissive THEN 'restrictive' END,
       (SELECT string_agg(r.rolname, ', ' ORDER BY 1) FROM pg_roles r WHERE r.oid = ANY(p.polroles)),
       'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid))
  FROM tables c JOIN pg_policy p ON p.polrelid = c.oid""",
    "rule": """
SELECT c.relname || '.' || r.rulename, pg_get_ruledef(r.oid, true)
       || CASE r.ev_enabled WHEN 'D' THEN ' disabled' WHEN 'A' THEN ' always' ELSE '' END
  FROM relation c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN'""",
    "function": """
SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       concat_ws(' ', pg_get_function_arguments(p.oid), 'returns', pg_get_function_result(p.oid), l.lanname,
                 CASE p.prokind WHEN 'f' THEN NULL ELSE p.prokind::text END,
                 CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END,
                 CASE WHEN p.proisstrict THEN 'strict' END, CASE WHEN p.prosecdef THEN 'security definer' END,
                 CASE WHEN p.proleakproof THEN 'leakproof' END, p.proconfig::text,
                 coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
                 a.aggtransfn, a.aggfinalfn, format_type(a.aggtranstype, NULL), a.agginitval)
  FROM own JOIN pg_proc p ON own.classid = 'pg_proc'::regclass AND p.oid = own.objid
  JOIN pg_language l ON l.oid = p.prolang LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid""",
    "type": """
SELECT t.typname, CASE t.typtype
       WHEN 'e' THEN 'enum ' || coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                                            FROM pg_enum e WHERE e.enumtypid = t.oid), '')
       WHEN 'd' THEN concat_ws(' ', 'domain', format_type(t.typbasetype, t.typtypmod),
                               CASE WHEN t.typnotnull THEN 'not null' END, t.typdefault, (
            SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid, true), ', ' ORDER BY k.conname)
              FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype <> 'n'))
       WHEN 'c' THEN 'composite ' || coalesce((
            SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
              FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '')
       WHEN 'r' THEN (SELECT concat_ws(' ', 'range of', format_type(r.rngsubtype, NULL), r.rngcanonical, r.rngsubdiff)
                        FROM pg_range r WHERE r.rngtypid = t.oid)
       ELSE concat_ws(' ', t.typtype, t.typlen, t.typinput, t.typoutput) END
  FROM own JOIN pg_type t ON own.classid = 'pg_type'::regclass AND t.oid = own.objid
 WHERE t.typcategory <> 'A' AND t.typtype <> 'm'""",
    "statistics": """
SELECT s.stxname, pg_get_statisticsobjdef(s.oid)
  FROM own JOIN pg_statistic_ext s ON own.classid = 'pg_statistic_ext'::regclass AND s.oid = own.objid""",
    "object": """
SELECT i.type || ' ' || i.identity, '' FROM own, pg_identify_object(own.classid, own.objid, 0) i
 WHERE own.classid IN ('pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,
                       'pg_collation'::regclass, 'pg_conversion'::regclass, 'pg_ts_config'::regclass,
                       'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass)""",
}
_EACH = "SELECT '{} ' || name, definition FROM ({}) AS part (name, definition)"
_QUERY = _OWN + "\nUNION ALL\n".join(_EACH.format(kind, query) for kind, query in _PARTS.items())

_WITHOUT_REACH = """
SELECT c.relname FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%s))
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY 1
"""

_GENERATED = re.compile(r"_[0-9a-f]{8}(_\w+)?$|_(pkey|key|check|idx|fkey|excl)\d*$")
"""Names that Django or PostgreSQL generates. They depend on the migrations that created the schema."""


def parts_of(schema: str, *, role: str = "") -> Parts:
    """Return the parts of the active tenant's schema; none if it does not exist.

    Definitions name neither the schema nor its `role`, so that equal schemas have equal parts.
    """
    names = [re.escape(name) for name in (schema, role) if name]
    own_name = re.compile(rf'"?(?<!\w)(?:{"|".join(names)})(?!\w)"?\.?')
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"schema": schema})
        return {own_name.sub("", name): own_name.sub("", text or "") for name, text in cursor.fetchall()}


def tables_without_privileges(schema: str, role: str) -> list[str]:
    """Return the tables and views of a schema on which a role has no privilege."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_REACH, [schema, role])
        return [name for (name,) in cursor.fetchall()]


def differences(parts: Parts, expected: Parts, *, names_that_count: Collection[str] = ()) -> list[str]:
    """Return descriptions of the differences between a schema and what is expected.

    Generated names of constraints and indexes may differ, since a squashed migration generates others. The names in
    `names_that_count` must be equal.
    """
    missing, extra = _without_renamed(parts, expected, names_that_count)
    other = [
        f"{name} is {parts[name]!r}, expected {expected[name]!r}"
        for name in parts.keys() & expected.keys()
        if parts[name] != expected[name]
    ]
    return [
        *sorted(f"{name} is missing" for name in missing),
        *sorted(other),
        *sorted(f"{name} should not be there" for name in extra),
    ]


def _without_renamed(parts: Parts, expected: Parts, names_that_count: Collection[str]) -> tuple[set[str], set[str]]:
    """Return missing and extra parts, without pairs that differ in a generated name only."""
    missing, extra = set(expected.keys() - parts.keys()), set(parts.keys() - expected.keys())
    there: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(extra):
        if _is_generated(name, names_that_count):
            there[_of_table(name), parts[name]].append(name)
    for name in sorted(missing):
        alike = there[_of_table(name), expected[name]] if _is_generated(name, names_that_count) else []
        if alike:
            missing.remove(name)
            extra.remove(alike.pop())
    return missing, extra


def _is_generated(name: str, names_that_count: Collection[str]) -> bool:
    kind, _, own = name.partition(" ")
    own = own.rpartition(".")[2]
    return kind in {"constraint", "index"} and own not in names_that_count and bool(_GENERATED.search(own))


def _of_table(name: str) -> str:
    # An index has its table in its definition.
    return name.rpartition(".")[0]
