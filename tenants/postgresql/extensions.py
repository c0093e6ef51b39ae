"""PostgreSQL extensions: created in one schema that is in the search path of every tenant.

A database has an extension once. In the schema of the tenant whose migration creates it first, it would not work for
other tenants, and purging that tenant would drop it.
"""

from __future__ import annotations

import re

from django.db import DatabaseError, connection, transaction
from psycopg import errors, sql

from tenants.conf import tenancy
from tenants.context import current_tenant
from tenants.errors import ConfigurationError, ExtensionRefused

_NAME = r'(?:"(?:[^"]|"")+"|[\w$-]+)'
_BEGINNING = r"(?P<before>\A|;)(?P<space>(?:\s|--[^\n]*\n|/\*.*?\*/)*)"
_CREATE = re.compile(
    rf"{_BEGINNING}CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})(?P<options>[^;]*)",
    re.IGNORECASE | re.DOTALL,
)
_DROP = re.compile(rf"{_BEGINNING}DROP\s+EXTENSION\s[^;]*", re.IGNORECASE | re.DOTALL)
_SCHEMA = re.compile(rf"\bSCHEMA\s+(?P<schema>{_NAME})", re.IGNORECASE)
_WORDS = re.compile(r"\bEXTENSION\b", re.IGNORECASE)

SCHEMA_OF_EXTENSION = (
    "SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = %s"
)
_FIXED_SCHEMA = """
SELECT v.schema FROM pg_available_extensions e
JOIN pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version WHERE e.name = %s
"""
_IN_SCHEMA = """
SELECT extname, extrelocatable FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE nspname = %s
"""
_USABLE = "SELECT has_schema_privilege('public', oid, 'USAGE') FROM pg_namespace WHERE nspname = %s"


def create_extension_schema() -> None:
    """Create the schema of extensions and grant its use to all roles; raise `ConfigurationError`."""
    schema = tenancy().extension_schema
    with connection.cursor() as cursor:
        cursor.execute(_USABLE, [schema])
        found = cursor.fetchone()
    if found == (True,):
        return
    statements = [] if found else ["CREATE SCHEMA IF NOT EXISTS {}"]
    text = "; ".join([*statements, "GRANT USAGE ON SCHEMA {} TO PUBLIC"]).replace("{}", f'"{schema}"')
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(text)
    except DatabaseError as error:
        if not isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise
        raise ConfigurationError(
            f"Creating the schema of extensions failed: {str(error).splitlines()[0]}. Run as its owner: {text}"
        ) from error


def place_extensions(text: str) -> str:
    """Create the extensions that a migration's SQL names, and return the SQL adapted to that.

    CREATE EXTENSION gets the schema that all tenants use, and DROP EXTENSION of a tenant is removed. Raises
    `ExtensionRefused` for an extension that cannot be created, or that is in a schema outside the tenants' search path.
    """
    if not _WORDS.search(text):
        return text
    text = _CREATE.sub(_create, text)
    return text if current_tenant().is_platform else _DROP.sub(_keep, text)


def _create(found: re.Match[str]) -> str:
    name, options = _unquoted(found["name"]), found["options"]
    statement = create_extension(name, options)
    return f"{found['before']}{found['space']}{statement}"


def _keep(found: re.Match[str]) -> str:
    # Other tenants still use the extension. PostgreSQL accepts the empty statement that is left.
    return f"{found['before']}{found['space']}"


def create_extension(name: str, options: str = "") -> str:
    """Create an extension if it is missing; return the CREATE EXTENSION IF NOT EXISTS for it.

    `options` are those of CREATE EXTENSION: VERSION, CASCADE. Raises `ExtensionRefused`.
    """
    existing = schema_of_extension(name)
    schema = _wanted_schema(name, options) if existing is None else existing
    _check_visible(name, schema, exists=existing is not None)
    others = " ".join(_SCHEMA.sub("", re.sub(r"\bWITH\b", "", options, flags=re.IGNORECASE)).split())
    statement = (
        sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} {}")
        .format(sql.Identifier(name), sql.Identifier(schema), sql.SQL(others))
        .as_string()
        .strip()
    )
    if existing is None:
        _execute(name, statement)
    return statement


def schema_of_extension(name: str) -> str | None:
    """Return the schema that an extension is in; None if the database does not have the extension."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA_OF_EXTENSION, [name])
        row = cursor.fetchone()
    return str(row[0]) if row else None


def extensions_in(schema: str) -> dict[str, bool]:
    """Return the extensions in a schema, and for each whether it can be moved."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_SCHEMA, [schema])
        return dict(cursor.fetchall())


def move_extensions_out_of(schema: str) -> None:
    """Move the extensions out of a schema that will be dropped, since other tenants may use them.

    Raises `ExtensionRefused` for an extension that cannot be moved.
    """
    for name, is_movable in extensions_in(schema).items():
        if not is_movable:
            raise ExtensionRefused(
                name,
                f"is in schema {schema!r}, which is to be dropped, and cannot be moved",
                f'Drop it first if no tenant uses it (DROP EXTENSION "{name}"), then try again.',
            )
        create_extension_schema()
        with connection.cursor() as cursor:
            names = map(sql.Identifier, (name, tenancy().extension_schema))
            cursor.execute(sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(*names))


def _wanted_schema(name: str, options: str) -> str:
    """Return the schema for a missing extension: that of the statement, or of its package, else the common one."""
    if named := _SCHEMA.search(options):
        return _unquoted(named["schema"])
    with connection.cursor() as cursor:
        cursor.execute(_FIXED_SCHEMA, [name])
        row = cursor.fetchone()
    return str(row[0]) if row and row[0] else tenancy().extension_schema


def _check_visible(name: str, schema: str, *, exists: bool) -> None:
    ours = tenancy().extension_schema
    if current_tenant().is_platform or schema in {ours, "pg_catalog"}:
        return
    if exists:
        what = f"is in schema {schema!r}, which is not in the search path of other tenants"
        next_step = f'Move it: ALTER EXTENSION "{name}" SET SCHEMA "{ours}". Then migrate again.'
    else:
        what = f"would be in schema {schema!r}, which is not in the tenants' search path"
        next_step = f"Leave SCHEMA out of CREATE EXTENSION: then it is created in {ours!r}, which all tenants use."
    raise ExtensionRefused(name, what, next_step)


def _execute(name: str, statement: str) -> None:
    if f'SCHEMA "{tenancy().extension_schema}"' in statement:
        create_extension_schema()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        if not isinstance(error.__cause__, (errors.InsufficientPrivilege, errors.UndefinedFile, *_NOT_AVAILABLE)):
            raise
        raise ExtensionRefused(
            name,
            f"could not be created: {str(error).splitlines()[0]}",
            f"Install its package on the server if that is missing, and run as a superuser: {statement}",
        ) from error


_NOT_AVAILABLE = (errors.FeatureNotSupported, errors.UndefinedObject)
"""Errors, by version of PostgreSQL, for an extension whose package is missing or incomplete."""


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
