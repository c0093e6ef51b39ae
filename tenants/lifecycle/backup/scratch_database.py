"""Temporary database in which a dumped schema is renamed.

A dump names its schema in every statement, and an existing tenant may have a schema of that name. Replacing the name in
the text would be unreliable, but PostgreSQL can rename a schema exactly. Only the structure is loaded here, no rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from django.db import connection
from psycopg import errors, sql

from tenants.errors import ConfigurationError, ExtensionRefused
from tenants.lifecycle.backup.load_dump import statements
from tenants.lifecycle.backup.pg_programs import role_arguments, run_program
from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.dependencies import Extension
from tenants.postgresql.extensions import SCHEMA_OF_EXTENSION

_LONGEST_NAME = 63
_ALWAYS_THERE = ("public", "pg_catalog")
_PLAIN = ("--no-owner", "--no-acl", "--no-tablespaces")

# The encoding must be that of our database. The locale does not matter without rows.
_CREATE = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE_PROVIDER libc LOCALE 'C'"
_SESSION_INFO = "SELECT pg_backend_pid(), current_database(), getdatabaseencoding()"
_LEFT_OVER = """
SELECT d.datname FROM pg_database d
WHERE starts_with(d.datname, %s) AND pg_has_role(d.datdba, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid::text = substring(d.datname FROM '_(\\d+)$'))
"""
_EXTENSIONS = """
SELECT extname, extversion, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname <> 'plpgsql'
"""
# The cast to text gives the signature as SQL needs it.
_SETTINGS_OF_ROUTINES = """
SELECT p.oid::regprocedure::text, unnest(p.proconfig) FROM pg_proc p
WHERE p.pronamespace = quote_ident(%s)::regnamespace
"""
_LISTS = ("search_path", "temp_tablespaces")


def renamed_structure(
    dump: Callable[[], IO[bytes]],
    source: str,
    target: str,
    *,
    extensions: Mapping[Extension, str] | None,
    pg_restore: Path,
    pg_dump: Path,
) -> tuple[str, str]:
    """Return the statements that create a dumped schema `source` as `target`: those before its rows, and those after.

    `dump` opens the dump from its start. `extensions` are those that it uses, each with its schema in our database;
    None: unknown, so it may use any of ours. Raises `ProgramFailed`, `ExtensionRefused`, or `ConfigurationError` if
    the database user cannot create databases.
    """
    with _scratch_database() as (database, main):
        with _session(database) as scratch:
            if extensions is None:
                extensions = _create_extensions_of(main, scratch)
            else:
                for extension in extensions:
                    _create_extension(scratch, extension)
            _create_structure(scratch, source, dump, pg_restore, [one.schema for one in extensions])
            for extension, home in extensions.items():
                _move_extension(scratch, extension, home)
            scratch.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(*map(sql.Identifier, (source, target))))
            _rename_in_settings(scratch, source, target)
        options = [*_PLAIN, f"--schema={target}", *role_arguments()]
        return (
            _dump(pg_dump, "--section=pre-data", *options, database=database),
            _dump(pg_dump, "--section=post-data", *options, database=database),
        )


def drop_left_over(purpose: str = "restore") -> list[str]:
    """Drop the databases that killed restores (or another `purpose`) have left, and return their names."""
    with _session() as server:
        _, database, _ = _session_info(server)
        rows = server.execute(_LEFT_OVER, [_prefix(database, purpose)])
        found = [name for (name,) in rows if _is_scratch(name, database, purpose)]
        for name in found:
            _drop(server, name)
    return found


@contextmanager
def scratch_name(purpose: str) -> Iterator[str]:
    """Reserve the name of a temporary database until the block ends; after that, it counts as left over."""
    with _session() as server:
        pid, database, _ = _session_info(server)
        yield f"{_prefix(database, purpose)}{pid}"


@contextmanager
def _scratch_database() -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """Create a database named after the session that holds it; without that session, it counts as left over."""
    with _session() as server:
        pid, database, encoding = _session_info(server)
        name = f"{_prefix(database)}{pid}"
        _drop(server, name)
        try:
            server.execute(sql.SQL(_CREATE).format(sql.Identifier(name), sql.Literal(encoding)))
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                "The database user cannot create databases: a restore renames the schema in a temporary one. Give the "
                "user CREATEDB (`ALTER USER … CREATEDB`)."
            ) from error
        try:
            yield name, server
        finally:
            _drop(server, name)


def _prefix(database: str, purpose: str = "restore") -> str:
    suffix = f"_{purpose}_"
    room = _LONGEST_NAME - len(suffix) - len(str(2**31))
    return database.encode()[:room].decode(errors="ignore") + suffix


def _is_scratch(name: str, database: str, purpose: str) -> bool:
    return re.fullmatch(re.escape(_prefix(database, purpose)) + r"\d+", name) is not None


@contextmanager
def _session(database: str = "") -> Iterator[psycopg.Connection[Any]]:
    """Open a separate session in our database or another, with the rights of the owner of schemas."""
    wrapper = cast(DatabaseWrapper, connection)
    params = wrapper.direct_params() | ({"dbname": database} if database else {})
    with closing(psycopg.connect(**params, autocommit=True)) as session:
        if wrapper.owner_role:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(wrapper.owner_role)))
        yield session


def _session_info(server: psycopg.Connection[Any]) -> tuple[int, str, str]:
    row = server.execute(_SESSION_INFO).fetchone()
    return cast("tuple[int, str, str]", row)


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create_extensions_of(main: psycopg.Connection[Any], scratch: psycopg.Connection[Any]) -> dict[Extension, str]:
    """Create the extensions of our database, for a dump of which it is unknown which ones it uses."""
    made = {}
    for name, version, home in main.execute(_EXTENSIONS):
        extension = Extension(name=name, version=version, schema=home)
        with suppress(ExtensionRefused):  # if the dump needs it, loading fails with an error that says so
            _create_extension(scratch, extension)
            made[extension] = home
    return made


def _create_extension(scratch: psycopg.Connection[Any], extension: Extension) -> None:
    """Create an extension in the schema that the dump names."""
    name, schema = sql.Identifier(extension.name), sql.Identifier(extension.schema)
    try:
        with scratch.transaction():
            if extension.schema not in _ALWAYS_THERE:
                scratch.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            scratch.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} CASCADE").format(name, schema))
            if scratch.execute(SCHEMA_OF_EXTENSION, [extension.name]).fetchone() != (extension.schema,):
                # CASCADE has created it elsewhere, for another extension.
                scratch.execute(sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(name, schema))
    except psycopg.DatabaseError as error:
        raise ExtensionRefused(
            extension.name,
            f"is used by the dump, and could not be created in a temporary database: {error}",
            "Restore as a user with the right to create it, for example with the DATABASE_URL of a superuser.",
        ) from error


def _move_extension(scratch: psycopg.Connection[Any], extension: Extension, home: str) -> None:
    """Move an extension to its schema in our database, so that the statements refer to it there."""
    if home == extension.schema:
        return
    if home not in _ALWAYS_THERE:
        scratch.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(home)))
    try:
        names = map(sql.Identifier, (extension.name, home))
        scratch.execute(sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(*names))
    except psycopg.DatabaseError as error:
        raise ExtensionRefused(
            extension.name,
            f"is in schema {home!r} here and in {extension.schema!r} in the dump, and cannot be moved",
            f"Restore into a database that has it in {extension.schema!r}.",
        ) from error


def _create_structure(
    scratch: psycopg.Connection[Any],
    source: str,
    dump: Callable[[], IO[bytes]],
    pg_restore: Path,
    homes: Collection[str],
) -> None:
    """Create the dumped structure, with the search_path that its functions need."""
    path = sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys([source, *homes])))
    # As in pg_dump: a function may refer to objects that are created later.
    scratch.execute(sql.SQL("SET check_function_bodies = off; SET search_path = {}").format(path))
    for section in ("pre-data", "post-data"):
        text = _read_dump(pg_restore, dump, section)
        if section == "pre-data" and source in homes:
            text = text.replace(f"\nCREATE SCHEMA {source};\n", "\n", 1)  # created for an extension already
        scratch.execute(text.encode() or b"SELECT")


def _rename_in_settings(scratch: psycopg.Connection[Any], source: str, target: str) -> None:
    """Rename the schema in the settings of functions, such as search_path, which PostgreSQL keeps as text."""
    old = re.compile(rf"(?<![\w$]){re.escape(source)}(?![\w$])")
    for routine, setting in scratch.execute(_SETTINGS_OF_ROUTINES, [target]).fetchall():
        name, _, value = setting.partition("=")
        if old.search(value):
            renamed = old.sub(target, value)
            # A search_path is stored as a list of SQL names, other settings as one text.
            given = sql.SQL(renamed) if name in _LISTS else sql.Literal(renamed)
            scratch.execute(sql.SQL("ALTER ROUTINE {} SET {} TO {}").format(sql.SQL(routine), sql.SQL(name), given))


def _read_dump(pg_restore: Path, dump: Callable[[], IO[bytes]], section: str) -> str:
    with (
        dump() as given,
        run_program(pg_restore, f"--section={section}", *_PLAIN, "--file=-", given=given) as output,
    ):
        return statements(output.read())


def _dump(pg_dump: Path, *arguments: str, database: str) -> str:
    with run_program(pg_dump, *arguments, database=database) as output:
        return statements(output.read())
