"""Tenant schemas and roles: create, grant, drop and measure. Called as the owner role, inside a transaction.

A tenant's role owns nothing. It may read and write the rows of its schema; it can neither change nor drop a table, and
has no privileges elsewhere. Schemas and tables belong to the user who migrates.
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

# Default privileges apply to tables that the owner creates later.
_CREATE_ROLE = """
GRANT USAGE ON SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role};
"""
_GRANT_TABLES = "GRANT SELECT, INSERT, UPDATE, DELETE ON {names} TO {role};"
_GRANT_SEQUENCES = "GRANT USAGE, SELECT, UPDATE ON SEQUENCE {names} TO {role};"

# For GRANT … ON ALL TABLES IN SCHEMA, PostgreSQL reads the catalog of all schemas six times. This uses an index.
_RELATIONS = """
SELECT c.relname, c.relkind = 'S' FROM pg_depend d
  JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(quote_ident(%s))
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1
"""

_OWNER_FACTS = """
SELECT rolsuper, current_setting('server_version_num')::int FROM pg_roles
WHERE rolname = coalesce(nullif(%s, ''), session_user)
"""


def create_schema(tenant: TenantInfo) -> None:
    """Create the tenant's schema; raise `SchemaExists` if there is one of that name already."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(tenant.schema)))
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.DuplicateSchema):
            raise SchemaExists(tenant.schema) from error
        raise


def grant_to_role(tenant: TenantInfo) -> None:
    """Create the tenant's role if it is missing, and grant its privileges; raise `ConfigurationError`."""
    role = sql.Identifier(tenant.role)
    try:
        with connection.cursor() as cursor:
            if not existing_roles([tenant.role]):
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            cursor.execute(sql.SQL(_CREATE_ROLE).format(schema=sql.Identifier(tenant.schema), role=role))
            _grant_existing(tenant)
            _grant_membership(tenant.role)
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise ConfigurationError(
                f"Creating the role {tenant.role!r} failed: {error}. Grant CREATEROLE to the database user (ALTER USER "
                f"… CREATEROLE), or set SANGGA_ROLE_PER_TENANT=false."
            ) from error
        raise


def _grant_existing(tenant: TenantInfo) -> None:
    """Grant the tenant's role its privileges on the tables and sequences that exist."""
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS, [tenant.schema])
        relations = cursor.fetchall()
        for grant, wanted in ((_GRANT_TABLES, False), (_GRANT_SEQUENCES, True)):
            names = [sql.Identifier(tenant.schema, name) for name, is_sequence in relations if is_sequence is wanted]
            if names:
                listed = sql.SQL(", ").join(names)
                cursor.execute(sql.SQL(grant).format(names=listed, role=sql.Identifier(tenant.role)))


def _grant_membership(role: str) -> None:
    """Make the owner of schemas a member of `role`, as `SET ROLE` requires of all but superusers."""
    wrapper = cast("DatabaseWrapper", connection)
    owner = wrapper.owner_role
    is_superuser, version = _owner_facts(wrapper.settings_dict["NAME"], wrapper.settings_dict["USER"], owner)
    if not is_superuser:
        # Memberships have options since PostgreSQL 16.
        options = sql.SQL(" WITH INHERIT FALSE, SET TRUE" if version >= 160000 else "")
        grantee = sql.Identifier(owner) if owner else sql.SQL("SESSION_USER")
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("GRANT {} TO {}{}").format(sql.Identifier(role), grantee, options))


@lru_cache(maxsize=16)
def _owner_facts(database: str, user: str, owner: str) -> tuple[bool, int]:
    """Return whether the owner role, or else the login, is a superuser, and `server_version_num`."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNER_FACTS, [owner])
        is_superuser, version = cursor.fetchone()
    return is_superuser, version


def existing_roles(roles: Collection[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(roles)])
        return {name for (name,) in cursor.fetchall()}


def existing_schemas(schemas: Collection[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas)])
        return {name for (name,) in cursor.fetchall()}


def drop_schema(tenant: TenantInfo) -> None:
    """Drop the tenant's schema with all its objects, and its role; raise `ExtensionRefused`."""
    move_extensions_out_of(tenant.schema)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(tenant.schema)))
        if existing_roles([tenant.role]):
            # All its privileges were on objects of the schema, and went with these.
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(tenant.role)))


def drop_tables_in_batches(tenant: TenantInfo, progress: Callable[[int, int], None], batch: int = 25) -> None:
    """Drop all tables of a tenant's schema, `batch` in each transaction; raise `ExtensionRefused`."""
    move_extensions_out_of(tenant.schema)
    tables = table_names(tenant.schema)
    for start in range(0, len(tables), batch):
        chosen = sql.SQL(", ").join(sql.Identifier(tenant.schema, table) for table in tables[start : start + batch])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(chosen))
        progress(min(start + batch, len(tables)), len(tables))


def table_names(schema: str) -> list[str]:
    """Return a schema's tables in alphabetical order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema])
        return [name for (name,) in cursor.fetchall()]


def sizes_in_bytes(schemas: Collection[str]) -> dict[str, int]:
    """Return the disk size of each schema: tables with indexes and TOAST."""
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
    """Return the `number` biggest of `schemas` by PostgreSQL's statistics, the biggest first.

    The statistics are those of the last VACUUM or ANALYZE. Reading them is cheap, while `sizes_in_bytes` reads the
    size of each file. So callers measure only these schemas.
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
