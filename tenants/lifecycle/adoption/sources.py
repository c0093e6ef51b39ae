"""Tenants of another library: the rows of its tables of tenants and domains, read without its code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from psycopg import sql

from tenants.errors import AdoptionRefused
from tenants.lifecycle.adoption.catalog import rows_of

PUBLIC = "public"

_TENANT_TABLES = """
SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'schema_name' ORDER BY 1
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
 WHERE attrelid = to_regclass(format('public.%%I', %s::text)) AND attnum > 0 AND NOT attisdropped
"""
_DOMAIN_TABLES = """
SELECT c.relname, a.attname, b.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
  JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
 WHERE k.contype = 'f' AND k.confrelid = to_regclass(format('public.%%I', %s::text))
   AND EXISTS (SELECT FROM pg_attribute d WHERE d.attrelid = c.oid AND d.attname = 'domain' AND NOT d.attisdropped)
 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Address:
    """A host of a tenant, as the old project has it."""

    host: str
    is_primary: bool = False
    folder: str = ""
    """First segment of the path; empty: the whole host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A schema that can become a tenant."""

    schema: str
    name: str = ""
    addresses: tuple[Address, ...] = ()


def candidates_in_schemas(schemas: Iterable[str]) -> list[Candidate]:
    return [Candidate(schema=schema) for schema in schemas]


def candidates_in_tables(tenants_table: str = "") -> list[Candidate]:
    """Return the rows of the other library's table of tenants, with their domains; `public` is one of them.

    The table is found by its column `schema_name`, that of domains by its column `domain` and its foreign key. Raises
    `AdoptionRefused`.
    """
    table = tenants_table or _only_tenant_table()
    columns = _columns(table)
    if "schema_name" not in columns:
        raise AdoptionRefused(
            f"table public.{table} has no column schema_name",
            "Give the table of the old project's tenants with --tenants-table.",
        )
    domains = _domains(table)
    name = "name" if "name" in columns else "schema_name"
    query = sql.SQL("SELECT schema_name, {}::text FROM public.{} ORDER BY schema_name")
    rows = rows_of(query.format(sql.Identifier(name), sql.Identifier(table)).as_string())
    return [
        Candidate(schema=schema, name=text or "", addresses=tuple(domains.get(schema, ()))) for schema, text in rows
    ]


def _only_tenant_table() -> str:
    tables = [name for (name,) in rows_of(_TENANT_TABLES)]
    if len(tables) == 1:
        return str(tables[0])
    if tables:
        raise AdoptionRefused(
            f"several tables of schema public have a column schema_name: {', '.join(tables)}",
            "Choose the table of tenants with --tenants-table.",
        )
    raise AdoptionRefused(
        "no table of schema public has a column schema_name",
        "Check the database in DATABASES, or name the schemas: adopt_schemas --from schemas SCHEMA …",
    )


def _columns(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [table])
        return {name for (name,) in cursor.fetchall()}


def _domains(tenants_table: str) -> dict[str, list[Address]]:
    with connection.cursor() as cursor:
        cursor.execute(_DOMAIN_TABLES, [tenants_table])
        found = cursor.fetchone()
    addresses: dict[str, list[Address]] = defaultdict(list)
    if found is None:
        return addresses
    table, column, key = found
    columns = _columns(table)
    query = sql.SQL(
        "SELECT t.schema_name, d.domain, {primary}, {folder} FROM public.{domains} d "
        "JOIN public.{tenants} t ON t.{key} = d.{column} ORDER BY 1, 3 DESC, 2"
    ).format(
        primary=sql.SQL("d.is_primary" if "is_primary" in columns else "false"),
        folder=sql.SQL("d.folder" if "folder" in columns else "''"),
        domains=sql.Identifier(table),
        tenants=sql.Identifier(tenants_table),
        key=sql.Identifier(key),
        column=sql.Identifier(column),
    )
    for schema, host, is_primary, folder in rows_of(query.as_string()):
        addresses[schema].append(Address(host, bool(is_primary), folder or ""))
    return addresses
