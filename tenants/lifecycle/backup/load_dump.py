"""Loading of a dump: the SQL that `pg_restore` and `pg_dump` print, with the rows sent to another schema.

Rows are passed on unchanged. Only the COPY statement above them, which names the schema, is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import IO

from django.db import connection

from tenants.errors import ProgramFailed

_BEGINNING = b"\n--\n-- Name: "
"""Above the first statement. Before it there are only session settings and psql commands."""
_END = b"\n--\n-- PostgreSQL database dump complete\n"
_NAME = rb'(?P<name>"(?:[^"]|"")+"|[^" (]+)'
_COPY = re.compile(rb"COPY (?P<schema>\w+)\." + _NAME + rb"(?P<columns> \(.*\)| )? FROM stdin;\n")
_SETVAL = re.compile(rb"SELECT pg_catalog\.setval\('(?P<schema>\w+)\.(?P<name>.+)', (?P<rest>-?\d+, \w+)\);\n")
_NO_ROWS = (b"--", b"SET ", b"SELECT pg_catalog.set_config(", b"\\restrict ", b"\\unrestrict ", b"\n")
_LAST_ROW = b"\\.\n"
_BLOCK = 1 << 18
"""Bytes of rows per message."""


def statements(text: bytes) -> str:
    """Return the statements of a section without rows, without the session settings."""
    start = text.find(_BEGINNING)
    end = text.rfind(_END)
    return text[start:end].decode() if start >= 0 else ""


def load_rows(
    stream: IO[bytes],
    source: str,
    target: str,
    *,
    without: Collection[str],
    expected: int,
    progress: Callable[[int, int], None],
) -> dict[str, int]:
    """Load the data section of a dump of schema `source` into schema `target`; return the row count of each table.

    The tables `without` stay empty. `expected` is the number of tables, for `progress`. Needs the owner's rights.
    Raises `EOFError` if the section ends within the rows of a table.
    """
    loaded: dict[str, int] = {}
    for line in stream:
        if found := _COPY.fullmatch(line):
            progress(len(loaded), expected)
            table = _unquoted(found["name"])
            loaded[table] = _load(stream, found, source, target, skip=table in without)
        elif found := _SETVAL.fullmatch(line):
            _check_schema(found, source)
            name, rest = found["name"].decode(), found["rest"].decode()
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_catalog.setval('{target}.{name}', {rest})")
        elif not line.startswith(_NO_ROWS):
            raise ProgramFailed("pg_restore", f"printed an unexpected statement among the rows: {line[:80]!r}")
    return loaded


def _load(stream: IO[bytes], found: re.Match[bytes], source: str, target: str, *, skip: bool) -> int:
    _check_schema(found, source)
    if skip:
        for _ in _blocks(stream):
            pass
        return 0
    table = f'COPY "{target}".'.encode() + found["name"]
    with connection.cursor() as cursor:
        with cursor.copy(table + (found["columns"] or b"") + b" FROM stdin") as copy:
            for block in _blocks(stream):
                copy.write(block)
        return int(cursor.rowcount)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the rows of a table in blocks."""
    lines: list[bytes] = []
    size = 0
    for line in stream:
        if line == _LAST_ROW:
            yield b"".join(lines)
            return
        lines.append(line)
        size += len(line)
        if size >= _BLOCK:
            yield b"".join(lines)
            lines, size = [], 0
    raise EOFError("the dump ends within the rows of a table")


def _check_schema(found: re.Match[bytes], source: str) -> None:
    if found["schema"].decode() != source:
        raise ProgramFailed("pg_restore", f"printed rows of schema {found['schema']!r}, but the dump is of {source!r}")


def _unquoted(name: bytes) -> str:
    text = name.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def send_structure(text: str) -> None:
    """Execute the statements of a section without rows in the current transaction, with the owner's rights."""
    with connection.cursor() as cursor:
        # As in pg_dump: a function may refer to objects that are created later.
        cursor.execute(f"SET LOCAL check_function_bodies = off;\n{text}")
