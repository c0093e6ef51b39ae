"""Adoption of one schema: tenant, name, owner, rights, records and files, in one transaction."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

from django.db import connection, transaction
from psycopg import sql

from tenants.conf import tenancy
from tenants.context import PLATFORM, TenantInfo, use_tenant
from tenants.errors import SchemaExists
from tenants.lifecycle import audit
from tenants.lifecycle.adoption.addresses import Planned
from tenants.lifecycle.adoption.copy_tables import copy_tables
from tenants.lifecycle.adoption.files import take_files
from tenants.lifecycle.adoption.public_rights import revoke_from_public
from tenants.lifecycle.adoption.records import recorded_without_tables, removable
from tenants.lifecycle.adoption.survey import ADOPTED, Survey
from tenants.lifecycle.create import TenantSpec, insert_tenant
from tenants.lifecycle.domains import attach_domain
from tenants.lifecycle.files import check_no_files, remove_orphaned_files
from tenants.lifecycle.locking import wrap_errors
from tenants.migrator.history import LOCK_SPACE, SchemaHistory
from tenants.models import Tenant
from tenants.models.code_release import Key
from tenants.postgresql import tenant_schemas as schemas
from tenants.postgresql.extensions import create_extension_schema
from tenants.registry.tenant_info import info_of

_LOCK_TIMEOUT = "10s"
"""A session that still uses a table, such as one of the old project, is not waited for any longer."""

# All of a schema has one owner, who migrates it. Sequences of columns follow their table; a schema that was copied can
# have them of another type than the column.
# Objects are found by an index of pg_depend: the catalogs have those of all schemas.
_OWN = """
WITH namespace AS (SELECT * FROM pg_namespace WHERE nspname = %(schema)s),
own AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend d
     WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM namespace)
), relation AS MATERIALIZED (
    SELECT c.* FROM own JOIN pg_class c ON own.classid = 'pg_class'::regclass AND c.oid = own.objid
), of_column AS MATERIALIZED (
    SELECT s.oid, s.relname, d.refobjid, d.refobjsubid FROM relation s
      JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass
       AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
     WHERE s.relkind = 'S'
)
SELECT format('ALTER SCHEMA %%I OWNER TO CURRENT_USER', nspname) FROM namespace
 WHERE pg_get_userbyid(nspowner) <> current_user
UNION ALL
SELECT format('ALTER %%s %%I.%%I OWNER TO CURRENT_USER',
              CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                           ELSE 'TABLE' END, %(schema)s, relname)
  FROM relation
 WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND pg_get_userbyid(relowner) <> current_user
   AND oid NOT IN (SELECT oid FROM of_column)
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO CURRENT_USER', p.oid::regprocedure)
  FROM own JOIN pg_proc p ON own.classid = 'pg_proc'::regclass AND p.oid = own.objid
 WHERE pg_get_userbyid(proowner) <> current_user
UNION ALL
SELECT format('ALTER TYPE %%I.%%I OWNER TO CURRENT_USER', %(schema)s, t.typname)
  FROM own JOIN pg_type t ON own.classid = 'pg_type'::regclass AND t.oid = own.objid
 WHERE t.typtype IN ('e', 'd', 'r', 'c') AND pg_get_userbyid(typowner) <> current_user
UNION ALL
SELECT format('ALTER SEQUENCE %%I.%%I AS %%s', %(schema)s, c.relname, format_type(a.atttypid, NULL))
  FROM of_column c JOIN pg_sequence s ON s.seqrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.refobjid AND a.attnum = c.refobjsubid
 WHERE s.seqtypid <> a.atttypid AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)
"""


def prepare_public(survey: Survey) -> None:
    """Make schema `public` ready for the control plane's migrations, in one transaction.

    Deletes the records of apps that have no tables there, and moves extensions to where all tenants find them.
    """
    with wrap_errors("Preparing schema public"), use_tenant(PLATFORM), transaction.atomic():
        move_extensions(survey.extensions)
        public = survey.tables.get(PLATFORM.schema, frozenset())
        applied = survey.histories[PLATFORM.schema]
        delete_records(removable(applied, recorded_without_tables(applied, public)))


def move_extensions(names: Collection[str]) -> None:
    """Move extensions to the schema where all tenants find them, in the current transaction."""
    create_extension_schema()
    with connection.cursor() as cursor:
        for name in names:
            both = map(sql.Identifier, (name, tenancy().extension_schema))
            cursor.execute(sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(*both))


def delete_records(keys: list[Key]) -> None:
    """Delete records of migrations in the active schema."""
    if keys:
        pairs = sql.SQL(", ").join(sql.SQL("({}, {})").format(*key) for key in keys)
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DELETE FROM django_migrations WHERE (app, name) IN ({})").format(pairs))


def adopt_schema(planned: Planned, survey: Survey, defaults: TenantSpec, folder: Path) -> TenantInfo:
    """Make a schema the tenant that was planned, and return it; on any error, nothing has changed.

    The schema is renamed to `t_<id>`, which touches none of its tables. Files are those below `folder`. Raises
    `TenantExists`, `DomainTaken`, `SchemaExists` or `OperationFailed`.
    """
    with wrap_errors(f"Adopting schema {planned.schema!r}"), ExitStack() as undo:
        with use_tenant(PLATFORM), transaction.atomic():
            tenant = insert_adopted(planned, defaults)
            undo.callback(remove_orphaned_files, tenant)
            _lock_tables(planned.schema, survey.tables[planned.schema])
            _rename(planned.schema, tenant)
            copy_tables(tenant.schema, survey.copied_tables(planned.schema))
            take_over(tenant)
            with use_tenant(tenant.as_owner()):
                delete_records(survey.false_records(planned.schema))
                SchemaHistory.read(tenant).record(survey.missing_records(planned.schema))
            files = take_files(tenant, folder)
            audit.record(ADOPTED, tenant, schema=planned.schema, files=files)
        undo.pop_all()  # committed: the files belong to a tenant now
    return tenant


def insert_adopted(planned: Planned, defaults: TenantSpec) -> TenantInfo:
    """Insert the rows of an adopted tenant; its schema does not exist yet. Raises `SchemaExists`."""
    primary = next((host for host, is_primary in planned.domains if is_primary), "")
    options = {name: getattr(defaults, name) for name in ("language", "currency", "time_zone")}
    tenant = insert_tenant(TenantSpec(slug=planned.slug, name=planned.candidate.name, domain=primary, **options))
    row = Tenant.objects.get(pk=tenant.id)
    for host, _ in planned.domains:
        if host != primary:
            attach_domain(row, host, primary=False)
    with connection.cursor() as cursor:  # so that its folder does not count as orphaned
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s), set_config('lock_timeout', %s, true)",
            [LOCK_SPACE, tenant.id, _LOCK_TIMEOUT],
        )
    if schemas.existing_schemas([tenant.schema]):
        raise SchemaExists(tenant.schema)
    check_no_files(tenant)
    return info_of(row)


def _lock_tables(schema: str, tables: Collection[str]) -> None:
    """Lock the tables, so that no session of the old project uses them: renaming the schema alone locks none."""
    if tables:
        names = sql.SQL(", ").join(sql.Identifier(schema, table) for table in sorted(tables))
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))


def _rename(schema: str, tenant: TenantInfo) -> None:
    names = map(sql.Identifier, (schema, tenant.schema))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(*names))


def take_over(tenant: TenantInfo) -> None:
    """Give the tenant's schema with all its objects to the owner of schemas, and its rows to the tenant's role."""
    with connection.cursor() as cursor:
        cursor.execute(_OWN, {"schema": tenant.schema})
        if statements := [text for (text,) in cursor.fetchall()]:
            cursor.execute("; ".join(statements))
    revoke_from_public(tenant.schema)
    if tenant.role:
        schemas.grant_to_role(tenant)
