"""Schemas and roles: the only place that creates and drops them. Called with owner's rights, inside a transaction.

A tenant's role owns nothing. It may use its schema, and read and write the rows in it; it can neither change nor
drop a table, and has no rights anywhere else. Schemas and tables belong to the user who migrates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from django.db import ProgrammingError, connection, transaction
from psycopg import errors, sql

from tenants.context import TenantInfo
from tenants.errors import ConfigurationError, SchemaExists
from tenants.postgresql.extensions import move_extensions_out_of

if TYPE_CHECKING:
    from tenants.postgresql.base import DatabaseWrapper

# Default privileges are for what the owner creates later; the schema is empty when they are given.
_CREATE_ROLE = """
GRANT USAGE ON SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
"""

_WHO_AM_I = """
SELECT rolsuper, current_setting('server_version_num')::int FROM pg_roles
WHERE rolname = coalesce(nullif(%s, ''), session_user)
"""


def create_schema(tenant: TenantInfo) -> None:
    """Create the tenant's schema; raise `SchemaExists` if there is one of that name, which is left alone."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(tenant.schema)))
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.DuplicateSchema):
            raise SchemaExists(tenant.schema) from error
        raise


def grant_to_role(tenant: TenantInfo) -> None:
    """Create the tenant's role if it is missing and give it its rights; raise `ConfigurationError` if we may not."""
    role = sql.Identifier(tenant.role)
    try:
        with connection.cursor() as cursor:
            if not existing_roles([tenant.role]):
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            cursor.execute(sql.SQL(_CREATE_ROLE).format(schema=sql.Identifier(tenant.schema), role=role))
            _let_us_become(tenant.role)
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise ConfigurationError(
                f"The database user may not create the role {tenant.role!r} or act as it: {error}. Give it CREATEROLE "
                f"(`ALTER USER … CREATEROLE`), or turn roles off with SANGGA_ROLE_PER_TENANT=false."
            ) from error
        raise


def _let_us_become(role: str) -> None:
    """Make the owner of schemas a member of `role`, which `SET ROLE` asks for; a superuser needs no membership.

    Without `assume_role` that is the user who logs in; with it, whoever logs in is a member of the owner.
    """
    wrapper = cast("DatabaseWrapper", connection)
    owner = wrapper.owner_role
    is_superuser, version = _who_we_are(wrapper.settings_dict["NAME"], wrapper.settings_dict["USER"], owner)
    if not is_superuser:
        # Before PostgreSQL 16 a membership has no options.
        options = sql.SQL(" WITH INHERIT FALSE, SET TRUE" if version >= 160000 else "")
        grantee = sql.Identifier(owner) if owner else sql.SQL("SESSION_USER")
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("GRANT {} TO {}{}").format(sql.Identifier(role), grantee, options))


@lru_cache(maxsize=16)
def _who_we_are(database: str, user: str, owner: str) -> tuple[bool, int]:
    """Return whether the owner, or else who logs in, is a superuser, and the server's version as a number."""
    with connection.cursor() as cursor:
        cursor.execute(_WHO_AM_I, [owner])
        is_superuser, version = cursor.fetchone()
    return is_superuser, version


def existing_roles(roles: Collection[str]) -> set[str]:
    """Return those of `roles` that the server has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(roles)])
        return {name for (name,) in cursor.fetchall()}


def existing_schemas(schemas: Collection[str]) -> set[str]:
    """Return those of `schemas` that the database has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas)])
        return {name for (name,) in cursor.fetchall()}


def drop_schema(tenant: TenantInfo) -> None:
    """Drop the tenant's schema with everything in it, and its role; raise `ExtensionRefused`."""
    move_extensions_out_of(tenant.schema)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(tenant.schema)))
        if existing_roles([tenant.role]):
            # Whatever was granted to it, was granted in the schema, and went with it.
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(tenant.role)))


def drop_tables_in_batches(tenant: TenantInfo, progress: Callable[[int, int], None], batch: int = 25) -> None:
    """Drop all tables of a tenant's schema, `batch` of them in each transaction; raise `ExtensionRefused`."""
    move_extensions_out_of(tenant.schema)
    tables = table_names(tenant.schema)
    for start in range(0, len(tables), batch):
        chosen = sql.SQL(", ").join(sql.Identifier(tenant.schema, table) for table in tables[start : start + batch])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(chosen))
        progress(min(start + batch, len(tables)), len(tables))


def table_names(schema: str) -> list[str]:
    """Return the names of a schema's tables, in alphabetical order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema])
        return [name for (name,) in cursor.fetchall()]


def sizes_in_bytes(schemas: Collection[str]) -> dict[str, int]:
    """Return how much disk each of `schemas` takes: tables with their indexes and long values."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT n.nspname, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
            FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'm')
            WHERE n.nspname = ANY(%s) GROUP BY n.nspname
            """,
            [list(schemas)],
        )
        return dict(cursor.fetchall())


def likely_biggest(schemas: Collection[str], number: int) -> list[str]:
    """Return those `number` of `schemas` that PostgreSQL's statistics hold to be the biggest, the biggest first.

    The statistics are as fresh as the last VACUUM or ANALYZE. They cost nothing, while `sizes_in_bytes` looks at
    every file: with a thousand schemas it is asked about the likely ones alone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT n.nspname FROM pg_namespace n
            LEFT JOIN pg_class c ON c.relnamespace = n.oid LEFT JOIN pg_class long ON long.oid = c.reltoastrelid
            WHERE n.nspname = ANY(%s) GROUP BY n.nspname
            ORDER BY sum(coalesce(c.relpages, 0) + coalesce(long.relpages, 0)) DESC, n.nspname LIMIT %s
            """,
            [list(schemas), number],
        )
        return [name for (name,) in cursor.fetchall()]
