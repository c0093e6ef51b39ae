"""Rights of PUBLIC in an adopted schema, which every tenant's role would have: on schema, tables and sequences."""

from __future__ import annotations

from typing import Any

from django.db import connection

from tenants.errors import OperationFailed

# REVOKE … FROM PUBLIC by the owner takes back what the owner granted. What others granted goes with their right to
# grant, and that with the right of those who gave it to them.
_RIGHTS = """
WITH RECURSIVE namespace AS (SELECT * FROM pg_namespace WHERE nspname = %(schema)s),
relation AS MATERIALIZED (
    SELECT c.*, format('%%I.%%I', %(schema)s, relname) AS name, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
        AS kind FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
     WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM namespace)
       AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), list (kind, name, owner, acl) AS (
    SELECT 'SCHEMA', quote_ident(nspname), nspowner, nspacl FROM namespace
    UNION ALL SELECT kind, name, relowner, relacl FROM relation
    UNION ALL SELECT kind, name, relowner, attacl FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
               WHERE attacl IS NOT NULL AND NOT attisdropped
), entry AS MATERIALIZED (
    SELECT DISTINCT kind, name, owner, e.grantor, e.grantee, e.is_grantable FROM list CROSS JOIN aclexplode(acl) e
), source (kind, name, owner, role) AS (
    SELECT kind, name, owner, grantor FROM entry WHERE grantee = 0
    UNION SELECT e.kind, e.name, e.owner, e.grantor FROM source s JOIN entry e
              ON (e.kind, e.name, e.grantee) = (s.kind, s.name, s.role) AND e.is_grantable AND s.role <> s.owner
)
SELECT kind, name, pg_get_userbyid(role), CASE
         WHEN role = owner THEN format('REVOKE ALL ON %%s %%s FROM PUBLIC', kind, name)
         ELSE format('REVOKE GRANT OPTION FOR ALL ON %%s %%s FROM %%I CASCADE', kind, name, pg_get_userbyid(role)) END
  FROM source ORDER BY kind, name, 3
"""


def revoke_from_public(schema: str) -> None:
    """Revoke all rights of PUBLIC on a schema and its relations as their owner; raise `OperationFailed`.

    A role that granted them loses its grant option, and others lose what it granted to them.
    """
    if not (rights := _rights(schema)):
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statement for *_, statement in rights))
    if left := _rights(schema):
        kind, name, role, _ = left[0]
        what = f"{kind.lower()} {name.removeprefix(schema).removeprefix('.')}".strip()  # its old name is back
        raise OperationFailed(
            "Revoking the rights of PUBLIC",
            f"{role} granted PUBLIC a right on the {what}, and the owner cannot revoke it. Connect as {role}, and "
            f"revoke all rights of PUBLIC on it and on its columns.",
        )


def _rights(schema: str) -> list[Any]:
    """Return kind, name and grantor of what PUBLIC has, with the statement that revokes it."""
    with connection.cursor() as cursor:
        cursor.execute(_RIGHTS, {"schema": schema})
        return list(cursor.fetchall())
