"""State of tenants, read over a connection without faults."""

from __future__ import annotations

from typing import Any

import psycopg

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = %(schema)s::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'i')
ORDER BY 1, 2
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = %(schema)s::regnamespace ORDER BY 1, 2
"""
_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r' ORDER BY 1"
_ROWS = """
SELECT t.id, t.slug, t.status, t.variant, 't_' || t.id, s.fingerprint,
       (SELECT array_agg(host ORDER BY host) FROM public.tenants_domain d WHERE d.tenant_id = t.id)
FROM public.tenants_tenant t LEFT JOIN public.tenants_schemastate s ON s.tenant_id = t.id
WHERE t.id > %(after)s OR t.id = ANY(%(ids)s) ORDER BY t.id
"""


class Observer:
    """Reads the tenants `ids`, and those created since."""

    def __init__(self, connection: psycopg.Connection[Any], ids: list[int]) -> None:
        self.connection = connection
        self.ids = ids
        (self._after,) = self._all("SELECT coalesce(max(id), 0) FROM public.tenants_tenant")[0]

    def _all(self, query: str, **values: Any) -> list[Any]:
        return self.connection.execute(query.encode(), values).fetchall()

    def tenants(self) -> list[Any]:
        """Return the rows of the control plane."""
        return self._all(_ROWS, after=self._after, ids=self.ids)

    def portrait(self) -> list[Any]:
        """Return the rows and, of each schema, its structure and how many rows are in each table.

        Ids and schemas of new tenants are counted from the existing ones.
        """
        found = []
        for tenant_id, slug, status, variant, schema, fingerprint, hosts in self.tenants():
            facts = (slug, status, variant, fingerprint, hosts)
            known = tenant_id in self.ids
            found.append((tenant_id if known else "new", facts, self._schema(schema)))
        return found

    def _schema(self, schema: str) -> Any:
        if not self._all("SELECT 1 FROM pg_namespace WHERE nspname = %(schema)s", schema=schema):
            return None
        parts = [self._all(query, schema=schema) for query in (_COLUMNS, _CONSTRAINTS)]
        tables = [name for (name,) in self._all(_TABLES, schema=schema)]
        counts = " UNION ALL ".join(f'SELECT \'{name}\', count(*) FROM "{schema}"."{name}"' for name in tables)
        parts.append(self._all(counts) if tables else [])
        return str(parts).replace(f"{schema}.", "")

    def strays(self) -> list[str]:
        """Return orphaned schemas, and leftovers of other kinds."""
        return [name for (name,) in self._all(
            "SELECT nspname FROM pg_namespace n WHERE nspname ~ '^t_[0-9]+' "
            "AND NOT EXISTS (SELECT FROM public.tenants_tenant t WHERE 't_' || t.id = n.nspname)"
        )]  # fmt: skip

    def written(self, schema: str, name: str) -> int:
        """Return how many groups of a name are committed in a schema."""
        query = f'SELECT count(*) FROM "{schema}".auth_group WHERE name = %(name)s'
        return int(self._all(query, name=name)[0][0])
