"""A database for a moment, in which a dumped schema gets another name.

A dump names its schema in every statement, and the name may be that of a tenant who is there. Replacing it in the text
would be guesswork; PostgreSQL itself renames a schema exactly, and does it here, where nobody else is. Only the
structure passes through, never a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
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

# Encoding alone has to be that of our database; with no rows in it there is nothing to sort.
_CREATE = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE_PROVIDER libc LOCALE 'C'"
_WHO_AND_WHERE = "SELECT pg_backend_pid(), current_database(), getdatabaseencoding()"
_LEFT_OVER = """
SELECT d.datname FROM pg_database d
WHERE starts_with(d.datname, %s) AND pg_has_role(d.datdba, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid::text = substring(d.datname FROM '_(\\d+)$'))
"""
_EXTENSIONS = """
SELECT extname, extversion, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname <> 'plpgsql'
"""
# Cast to text, a routine is written as SQL needs it.
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
    """Return the statements that make a dumped schema `source` under the name `target`: before its rows, and after.

    `dump` opens the dump anew each time. `extensions` are those that it uses, each with the schema that has it here;
    None: it does not say, and may use any of our database. Raises `ProgramFailed`, `ExtensionRefused`, or
    `ConfigurationError` if the database user may make no database.
    """
    with _scratch_database() as (database, main):
        with _session(database) as scratch:
            if extensions is None:
                extensions = _make_those_of(main, scratch)
            else:
                for extension in extensions:
                    _make_extension(scratch, extension)
            _make_structure(scratch, source, dump, pg_restore, [one.schema for one in extensions])
            for extension, home in extensions.items():
                _move_extension(scratch, extension, home)
            scratch.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(*map(sql.Identifier, (source, target))))
            _rename_in_settings(scratch, source, target)
        options = [*_PLAIN, f"--schema={target}", *role_arguments()]
        return (
            _written(pg_dump, "--section=pre-data", *options, database=database),
            _written(pg_dump, "--section=post-data", *options, database=database),
        )


def drop_left_over(purpose: str = "restore") -> list[str]:
    """Drop the databases that killed restores have left, or others of that purpose, and return their names."""
    with _session() as server:
        _, database, _ = _who_and_where(server)
        rows = server.execute(_LEFT_OVER, [_prefix(database, purpose)])
        found = [name for (name,) in rows if _is_scratch(name, database, purpose)]
        for name in found:
            _drop(server, name)
    return found


@contextmanager
def scratch_name(purpose: str) -> Iterator[str]:
    """Give the name for a database of that purpose; it counts as left over when this block has ended or was killed."""
    with _session() as server:
        pid, database, _ = _who_and_where(server)
        yield f"{_prefix(database, purpose)}{pid}"


@contextmanager
def _scratch_database() -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """Make a database that is called after the session that holds it: without that session it is left over."""
    with _session() as server:
        pid, database, encoding = _who_and_where(server)
        name = f"{_prefix(database)}{pid}"
        _drop(server, name)
        try:
            server.execute(sql.SQL(_CREATE).format(sql.Identifier(name), sql.Literal(encoding)))
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                "The database user may not create databases, and a restore makes one for a moment, to give the "
                "restored schema its new name. Give it CREATEDB (`ALTER USER … CREATEDB`)."
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
    """Give a session of one's own, in our database or another, with the rights of the owner of schemas."""
    wrapper = cast(DatabaseWrapper, connection)
    params = wrapper.direct_params() | ({"dbname": database} if database else {})
    with psycopg.connect(**params, autocommit=True) as session:
        if wrapper.owner_role:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(wrapper.owner_role)))
        yield session


def _who_and_where(server: psycopg.Connection[Any]) -> tuple[int, str, str]:
    row = server.execute(_WHO_AND_WHERE).fetchone()
    return cast("tuple[int, str, str]", row)


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _make_those_of(main: psycopg.Connection[Any], scratch: psycopg.Connection[Any]) -> dict[Extension, str]:
    """Make the extensions of our database that can be made, for a dump that does not say which of them it uses."""
    made = {}
    for name, version, home in main.execute(_EXTENSIONS):
        extension = Extension(name=name, version=version, schema=home)
        with suppress(ExtensionRefused):  # then the dump hardly uses it; if it does, its own error says so
            _make_extension(scratch, extension)
            made[extension] = home
    return made


def _make_extension(scratch: psycopg.Connection[Any], extension: Extension) -> None:
    """Make an extension where the dump says that it is."""
    name, schema = sql.Identifier(extension.name), sql.Identifier(extension.schema)
    try:
        with scratch.transaction():
            if extension.schema not in _ALWAYS_THERE:
                scratch.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            scratch.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} CASCADE").format(name, schema))
            if scratch.execute(SCHEMA_OF_EXTENSION, [extension.name]).fetchone() != (extension.schema,):
                # It came along with another one that is built upon it.
                scratch.execute(sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(name, schema))
    except psycopg.DatabaseError as error:
        raise ExtensionRefused(
            extension.name,
            f"is used by the dump, and could not be made for a moment in a database beside ours: {error}",
            "Restore as a user who may make it, for example with the DATABASE_URL of a superuser.",
        ) from error


def _move_extension(scratch: psycopg.Connection[Any], extension: Extension, home: str) -> None:
    """Move an extension to where our database has it, so that the structure names it there."""
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
            f"is in schema {home!r} here, was in {extension.schema!r} where the dump was made, and cannot be moved",
            f"Restore into a database that has it in {extension.schema!r}.",
        ) from error


def _make_structure(
    scratch: psycopg.Connection[Any],
    source: str,
    dump: Callable[[], IO[bytes]],
    pg_restore: Path,
    homes: Collection[str],
) -> None:
    """Make the dumped structure. Functions in it find each other, and extensions, as they did where they were."""
    path = sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys([source, *homes])))
    # As pg_dump has it: a function may speak of what is made after it.
    scratch.execute(sql.SQL("SET check_function_bodies = off; SET search_path = {}").format(path))
    for section in ("pre-data", "post-data"):
        text = _read_dump(pg_restore, dump, section)
        if section == "pre-data" and source in homes:
            text = text.replace(f"\nCREATE SCHEMA {source};\n", "\n", 1)  # an extension is in it already
        scratch.execute(text.encode() or b"SELECT")


def _rename_in_settings(scratch: psycopg.Connection[Any], source: str, target: str) -> None:
    """Let the settings of functions, a path above all, name the schema as it is called now: they are texts."""
    old = re.compile(rf"(?<![\w$]){re.escape(source)}(?![\w$])")
    for routine, setting in scratch.execute(_SETTINGS_OF_ROUTINES, [target]).fetchall():
        name, _, value = setting.partition("=")
        if old.search(value):
            renamed = old.sub(target, value)
            # A path is kept as a list of names, as SQL has it; other settings are one text.
            given = sql.SQL(renamed) if name in _LISTS else sql.Literal(renamed)
            scratch.execute(sql.SQL("ALTER ROUTINE {} SET {} TO {}").format(sql.SQL(routine), sql.SQL(name), given))


def _read_dump(pg_restore: Path, dump: Callable[[], IO[bytes]], section: str) -> str:
    with (
        dump() as given,
        run_program(pg_restore, f"--section={section}", *_PLAIN, "--file=-", given=given) as output,
    ):
        return statements(output.read())


def _written(pg_dump: Path, *arguments: str, database: str) -> str:
    with run_program(pg_dump, *arguments, database=database) as output:
        return statements(output.read())
